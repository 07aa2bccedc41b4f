"""Refiners and refined corpora against truth, on documents that no teacher has seen."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.documents.store import FinishedShard
from prox_assets.errors import InputError
from prox_assets.programs import Outcome, Rails
from prox_assets.refiner.answers import ChunkResult
from prox_assets.refiner.lines import merge_chunks
from prox_assets.refiner.metrics import Bools, Floats, require_numbers
from prox_assets.refining.documents import KEPT
from prox_assets.refining.judged_programs import judge_programs, program_metrics
from prox_assets.refining.kinds import AnyChunkRefiner, AnyDocumentRefiner
from prox_assets.refining.removal import RemovalMetrics, character_truth, removal_metrics
from prox_assets.refining.score_sheet import Answers, Decisions, LabelledPages, page_texts
from prox_assets.teacher.label_files import label_table

_BATCH = 256


def read_labels(file: Path, ids: set[str], limit: int) -> pa.Table:
    """The labels of the documents `ids` of a file, the first `limit` of them (see `label_table`)."""
    return label_table(file, ids, limit)


def refiner_answers(
    documents: AnyDocumentRefiner, chunks: AnyChunkRefiner, pages: LabelledPages, rails: Rails
) -> Answers:
    """What both refiners say of labelled pages, at their thresholds; each page goes through a model once."""
    keep = None
    if pages.judged.num_rows:
        scores = [one for part in _parts(page_texts(pages.judged)) for one in documents.score(part)]
        probabilities = np.array([score.keep_probability for score in scores])
        require_numbers(probabilities, "keep probabilities")
        keep = Decisions.at(probabilities, documents.thresholds.keep)
    texts = page_texts(pages.kept)
    results = [found for part in _parts(texts) for found in chunks.refine(part)]
    judged = [
        judge_programs(text, [(one.chunk, one.program_text) for one in found], rails)
        for text, found in zip(texts, results, strict=True)
    ]
    lines = None
    if pages.lines is not None:
        lines = Decisions.at(pages.lines.chosen(_line_scores(texts, results)), chunks.line_threshold)
    return Answers(keep, lines, [one.removed for one in judged], program_metrics(judged))


def evaluate_corpus(
    refined: Iterable[FinishedShard], sources: Iterable[FinishedShard], labels: pa.Table
) -> RemovalMetrics:
    """Compare what the pipeline removed with what the labels call noise, character by character.

    Lines that the labels call ambiguous do not count; whole documents that went count with all they had.
    """
    truth = {row["id"]: row for row in labels.to_pylist()}
    return removal_metrics(
        (_removed_mask(row, len(text)), character_truth(truth[row["doc_id"]]))
        for text, row in _refined_texts(refined, sources, truth)
    )


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (texts[first : first + _BATCH] for first in range(0, len(texts), _BATCH))


def _line_scores(texts: Sequence[str], results: Sequence[Sequence[ChunkResult]]) -> list[Floats]:
    """The scores of all lines of each text."""
    return [
        merge_chunks(text.count("\n") + 1, ((one.chunk, one.n_tokens, one.line_scores) for one in chunks))
        for text, chunks in zip(texts, results, strict=True)
    ]


def _refined_texts(
    refined: Iterable[FinishedShard], sources: Iterable[FinishedShard], truth: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for after, before in zip(refined, sources, strict=True):
        for part in after.ranges:
            texts = before.read(part).column("text")
            for text, row in zip(texts, after.read(part).drop_columns(["text"]).to_pylist(), strict=True):
                if row["doc_id"] in truth:
                    yield _same_text(text.as_py(), truth[row["doc_id"]]), row


def _same_text(text: str, label: dict[str, Any]) -> str:
    if text != "\n".join(label["lines"]):
        raise InputError(
            f"document {label['id']}: the labelled lines are not those of the corpus; label this text anew."
        )
    return text


def _removed_mask(row: dict[str, Any], length: int) -> Bools:
    gone = np.full(length, row["status"] != KEPT, dtype=np.bool_)
    for edit in row["edits"]:
        if edit["outcome"] == Outcome.APPLIED:
            gone[edit["start"] : edit["stop"]] = True
    return gone
