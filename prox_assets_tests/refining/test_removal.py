"""Characters that should go against those that went, worked out by hand."""

import numpy as np
import pytest

from prox_assets.chunking import Chunk
from prox_assets.evaluation.report import character_truth, judge_programs, program_metrics, removal_metrics
from prox_assets.programs import Beyond, Rails

LABEL = {
    "id": "a",
    "lines": ["Home", "clean [edit]", "unsure"],
    "is_noise": [True, False, False],
    "ambiguous": [False, False, True],
    "spans": [{"line": 1, "start": 6, "stop": 12}],
    "keep": True,
}
TEXT = "\n".join(LABEL["lines"])  # type: ignore[arg-type]


def test_visible_unambiguous_characters_count() -> None:
    truth = character_truth(LABEL)
    marked = truth.noise & truth.counts
    assert "".join(c for c, on in zip(TEXT, marked, strict=True) if on) == "Home[edit]"
    assert "".join(c for c, on in zip(TEXT, truth.counts, strict=True) if on) == "Homeclean[edit]"


def test_scores_by_hand() -> None:
    gone = np.zeros(len(TEXT), dtype=bool)
    gone[:5] = True
    found = removal_metrics([(gone, character_truth(LABEL))])
    assert (found.precision, found.recall) == (1.0, 0.4)
    assert found.kept_share_of_clean == 1.0
    assert found.noise_left == pytest.approx(6 / 11)
    assert (found.n_documents, found.n_characters) == (1, 15)


def test_a_document_to_be_dropped_is_noise_throughout() -> None:
    truth = character_truth({"id": "a", "lines": ["ab", "c"], "is_noise": [False, False], "keep": False})
    assert (truth.noise & truth.counts).sum() == 3
    assert removal_metrics([(np.ones(4, dtype=bool), truth)]).recall == 1.0


def test_nothing_to_remove_and_nothing_removed() -> None:
    found = removal_metrics([])
    assert (found.f1, found.n_documents) == (0.0, 0)


def test_programs_are_executed_as_the_corpus_stage_does() -> None:
    chunk = Chunk(0, 0, 3, 0, len(TEXT))
    good = judge_programs(TEXT, [(chunk, 'remove_lines(0, 0)\nnormalize("clean [edit]", "clean")')], Rails())
    assert "".join(c for c, on in zip(TEXT, good.removed, strict=True) if on) == "Home\n [edit]"
    assert (good.n_malformed, good.n_unapplied) == (0, 0)


def test_malformed_programs_and_calls_without_effect_are_told_apart() -> None:
    chunk = Chunk(0, 0, 3, 0, len(TEXT))
    programs = [
        'normalize("not there", "")',
        "remove_lines(0, 0",
        "keep_chunk()",
    ]
    judged = [judge_programs(TEXT, [(chunk, program)], Rails()) for program in programs]
    assert [one.n_malformed for one in judged] == [0, 1, 0]
    assert [one.n_unapplied for one in judged] == [1, 1, 0]
    found = program_metrics(judged)
    assert (found.n_programs, found.malformed_share) == (3, pytest.approx(1 / 3))


def test_a_program_beyond_the_guard_rails_removes_all_or_nothing() -> None:
    chunk = Chunk(0, 0, 3, 0, len(TEXT))
    program = [(chunk, "remove_lines(0, 2)")]
    assert judge_programs(TEXT, program, Rails(max_removed_share=0.5)).removed.all()
    judged = judge_programs(TEXT, program, Rails(max_removed_share=0.5, beyond=Beyond.RESTORE))
    assert not judged.removed.any()
