"""The refiners as the pipeline uses them: real checkpoints, whole documents in, programs out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from prox_assets.chunking import line_spans
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings
from prox_assets.programs import Rails, Stage, execute_chunks, execute_document, parse
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refiner.scoring.predictions import document_program
from prox_assets.refiner.scoring.refiner import ChunkRefiner, DocumentRefiner, tokenizer_of
from prox_assets.refiner.scoring.training import TrainedRefiner
from prox_assets.sample import SamplePage

SETTINGS = EngineSettings(threads=1)


@pytest.fixture(scope="module")
def chunks(trained_chunks: TrainedRefiner) -> ChunkRefiner:
    return ChunkRefiner.load(trained_chunks.path, SETTINGS)


@pytest.fixture(scope="module")
def documents(trained_documents: TrainedRefiner) -> DocumentRefiner:
    return DocumentRefiner.load(trained_documents.path, SETTINGS)


def test_of_a_long_document_the_first_window_is_seen_and_said_so(
    documents: DocumentRefiner, trained_documents: TrainedRefiner
) -> None:
    text = "The valley sleeps below the mountain. " * 100
    short, long = documents.score([text[:300], text])
    assert short.n_tokens_seen == short.n_tokens < documents.window
    assert long.n_tokens_seen == documents.window - 2 < long.n_tokens
    (tokens,) = tokenizer_of(trained_documents.path)([text])
    assert long.n_tokens == len(tokens)
    cut = text[: int(tokens.starts[long.n_tokens_seen])]
    assert documents.score([cut])[0].keep_probability == pytest.approx(long.keep_probability, abs=1e-6)


def test_the_document_threshold_decides(documents: DocumentRefiner, pages: Sequence[SamplePage]) -> None:
    score = documents.score([pages[0].text])[0]
    for threshold, keeps in ((score.keep_probability, True), (score.keep_probability + 1e-6, False)):
        program = parse(document_program(score, DocumentThresholds(threshold)), Stage.DOCUMENT)
        assert execute_document(program).keep is keeps and not program.refusals


def test_chunks_cover_the_document_and_its_tokens(
    chunks: ChunkRefiner, trained_chunks: TrainedRefiner, pages: Sequence[SamplePage]
) -> None:
    texts = [page.text for page in pages[:20]] + ["", "\n", "x " * 2000, "山" * 900]
    tokenized = tokenizer_of(trained_chunks.path)(texts)
    for text, found, tokens in zip(texts, chunks.refine(texts), tokenized, strict=True):
        assert "".join(text[one.chunk.start : one.chunk.stop] for one in found) == text
        assert sum(one.n_tokens for one in found) == len(tokens)
        for one in found:
            assert one.n_tokens <= chunks.window - 2
            assert len(one.line_scores) == one.chunk.line_stop - one.chunk.line_start
            assert len(one.call_scores) == len(parse(one.program_text, Stage.CHUNK).calls)
            assert all(0 <= score <= 1 for score in one.line_scores + one.call_scores)


def test_programs_remove_the_lines_that_score(chunks: ChunkRefiner, held_out: Sequence[SamplePage]) -> None:
    texts = [page.text for page in held_out if page.keep]
    rails = Rails(max_removed_share=1.0, min_kept_chars=0)
    for text, found, scores in zip(texts, chunks.refine(texts), chunks.line_scores(texts), strict=True):
        programs = [(one.chunk, parse(one.program_text, Stage.CHUNK), one.call_scores) for one in found]
        execution = execute_chunks(text, programs, rails)
        gone = np.zeros(len(text), dtype=bool)
        for edit in execution.edits:
            gone[edit.start : edit.stop] |= edit.outcome == "applied"
        assert {edit.outcome for edit in execution.edits} <= {"applied", "kept"}
        for (start, stop), score in zip(line_spans(text), scores, strict=True):
            if score >= chunks.line_threshold:
                assert gone[start:stop].all()


def test_a_higher_line_threshold_removes_less(
    trained_chunks: TrainedRefiner, held_out: Sequence[SamplePage]
) -> None:
    texts = [page.text for page in held_out if page.keep][:10]
    lengths = []
    for line in (0.0, 0.3, 0.9, 1.1):
        refiner = ChunkRefiner.load(trained_chunks.path, SETTINGS, ChunkThresholds(line=line))
        rails = Rails(max_removed_share=1.0, min_kept_chars=0)
        lengths.append(
            sum(
                len(
                    execute_chunks(
                        text, [(c.chunk, parse(c.program_text, Stage.CHUNK), None) for c in found], rails
                    ).text
                )
                for text, found in zip(texts, refiner.refine(texts), strict=True)
            )
        )
    assert lengths == sorted(lengths)
    assert lengths[0] == 0 and lengths[-1] == sum(map(len, texts))


def test_results_do_not_depend_on_the_company_kept(
    chunks: ChunkRefiner, documents: DocumentRefiner, pages: Sequence[SamplePage]
) -> None:
    texts = [page.text for page in pages[:30]]
    together = chunks.line_scores(texts)
    backwards = chunks.line_scores(texts[::-1])[::-1]
    for text, one, other in zip(texts, together, backwards, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
        np.testing.assert_allclose(one, chunks.line_scores([text])[0], atol=1e-5)
    scores = [score.keep_probability for score in documents.score(texts)]
    alone = [documents.score([text])[0].keep_probability for text in texts]
    np.testing.assert_allclose(scores, alone, atol=1e-5)


def test_the_wrong_directory_is_refused(
    trained_chunks: TrainedRefiner, trained_documents: TrainedRefiner, tmp_path: Path
) -> None:
    with pytest.raises(RefinerError, match=r"is a chunk refiner; give the document refiner"):
        DocumentRefiner.load(trained_chunks.path, SETTINGS)
    with pytest.raises(RefinerError, match=r"is a document refiner; give the chunk refiner"):
        ChunkRefiner.load(trained_documents.path, SETTINGS)
    with pytest.raises(RefinerError, match=r"prox\.json is missing"):
        ChunkRefiner.load(tmp_path, SETTINGS)
