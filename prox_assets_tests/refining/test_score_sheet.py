"""The sheet of a system whose answers are known."""

import json

import numpy as np
import pyarrow as pa
import pytest

from prox_assets.evaluation.report import (
    Answers,
    Decisions,
    LabelledPages,
    compared,
    lines_mask,
    page_texts,
    sheet,
)

ROWS = [
    {"id": "a", "lines": ["Home", "clean", ""], "is_noise": [True, False, True], "keep": True, "lang": "en"},
    {
        "id": "b",
        "lines": ["x", "Share"] + ["text"] * 8,
        "is_noise": [False, True] + [False] * 8,
        "keep": True,
        "lang": None,
    },
    {"id": "c", "lines": ["spam"], "is_noise": [True], "keep": False, "lang": "en"},
    {"id": "d", "lines": ["unjudged"], "is_noise": [False], "keep": None, "lang": "de"},
]


@pytest.fixture
def pages() -> LabelledPages:
    return LabelledPages.of(pa.Table.from_pylist(ROWS))


def answers(pages: LabelledPages, threshold: float) -> Answers:
    """Scores lines by their capital letter, documents by their length."""
    texts = page_texts(pages.kept)
    scores = [np.array([0.9 if line[:1].isupper() else 0.4 for line in text.split("\n")]) for text in texts]
    assert pages.lines is not None
    removed = [lines_mask(text, one >= threshold) for text, one in zip(texts, scores, strict=True)]
    keep = np.array([0.8, 0.6, 0.3])
    return Answers(Decisions.at(keep, 0.5), Decisions.at(pages.lines.chosen(scores), threshold), removed)


def test_only_lines_of_documents_to_be_kept_count(pages: LabelledPages) -> None:
    assert pages.kept["id"].to_pylist() == ["a", "b", "d"]
    assert pages.judged["id"].to_pylist() == ["a", "b", "c"]
    assert pages.lines is not None
    assert pages.lines.truth.sum() == 2
    assert len(pages.lines.truth) == 2 + 10 + 1


def test_a_right_system_scores_one_everywhere(pages: LabelledPages) -> None:
    found = sheet(pages, answers(pages, 0.5))
    assert found["lines"]["f1"] == found["documents"]["f1"] == found["lines"]["document_f1"] == 1
    assert found["characters"]["f1"] == 1
    assert found["lines"]["expected_calibration_error"] == pytest.approx((2 * 0.1 + 11 * 0.4) / 13)
    assert {group: one["f1"] for group, one in found["lines_by"]["language"].items()} == {
        "de": 0,
        "en": 1,
        "none": 1,
    }
    assert set(found["documents_by"]) == {"language", "length"}
    assert sum(found["line_reliability"]["count"]) == 13
    json.dumps(found)


def test_place_tells_an_editor_that_cuts_tails(pages: LabelledPages) -> None:
    texts = page_texts(pages.kept)
    tails = [np.arange(text.count("\n") + 1) >= 5 for text in texts]
    assert pages.lines is not None
    cut = Answers(
        None,
        Decisions(pages.lines.chosen(tails).astype(bool)),
        [lines_mask(*one) for one in zip(texts, tails, strict=True)],
    )
    places = sheet(pages, cut)["lines_by"]["place"]
    assert places["90%"]["predicted_share"] == 1
    assert places["90%"]["positive_share"] == 0
    assert places["10%"]["predicted_share"] == 0
    assert places["10%"]["positive_share"] == 1
    assert "documents" not in sheet(pages, cut)


def test_leads_are_differences_on_the_same_rows(pages: LabelledPages) -> None:
    ours = answers(pages, 0.5)
    found = compared(pages, ours, {"same": ours, "all": answers(pages, 0.1)})
    assert found["leads"]["same"]["lines"] == {"f1": 0, "f1_low": 0, "f1_high": 0}
    worse = 2 * 2 / (13 + 2)
    assert found["leads"]["all"]["lines"]["f1"] == pytest.approx(1 - worse)
    assert found["baselines"]["all"]["lines"]["f1"] == pytest.approx(worse)


def test_pages_without_a_word_on_documents() -> None:
    rows = [{name: value for name, value in row.items() if name != "keep"} for row in ROWS]
    pages = LabelledPages.of(pa.Table.from_pylist(rows))
    assert pages.judged.num_rows == 0
    assert pages.kept.num_rows == 4
