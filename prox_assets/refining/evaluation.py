"""Refiners and refined corpora against truth, on documents that no teacher has seen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prox_assets.chunking import line_spans
from prox_assets.documents.store import FinishedShard
from prox_assets.errors import InputError
from prox_assets.programs import Outcome
from prox_assets.refiner.evaluation import LineScorer, document_metrics, evaluate_lines
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.refiner.scoring import ChunkRefiner, DocumentRefiner
from prox_assets.refining.documents import DROPPED, KEPT

_COLUMNS = {"id", "lines", "is_noise"}


@dataclass(frozen=True, slots=True)
class RemovalMetrics:
    """Visible characters that should go against those that went; whole documents included.

    A document to be dropped counts with all its characters. `kept_share_of_clean` is what a training run
    gets of the clean text, `noise_left` the share of noise in the refined corpus.
    """

    precision: float
    recall: float
    f1: float
    kept_share_of_clean: float
    noise_left: float
    n_documents: int
    n_characters: int


class KnownLines:
    """A line scorer that runs the model once a text, so that scores by group cost nothing more."""

    def __init__(self, scorer: LineScorer) -> None:
        self._scorer = scorer
        self._known: dict[str, Floats] = {}

    @property
    def line_threshold(self) -> float:
        """The score at which a line goes."""
        return self._scorer.line_threshold

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        """The noise score of every line of every text, `(lines,)` each."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= zip(new, self._scorer.line_scores(new), strict=True)
        return [self._known[text] for text in texts]


def read_labels(file: Path, ids: set[str], limit: int) -> pa.Table:
    """The rows of a labels file whose id is among `ids`, the first `limit` of them.

    Raises:
        InputError: the file is not a labels file.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such labels file; correct evaluation.labels in the catalogue.")
    missing = _COLUMNS - set(pq.read_schema(file).names)
    if missing:
        raise InputError(
            f"{file}: a labels file has columns id, lines, is_noise; {', '.join(sorted(missing))} missing."
        )
    wanted = pa.array(sorted(ids), pa.string())
    batches = (
        batch.filter(pc.is_in(batch["id"], value_set=wanted))
        for batch in pq.ParquetFile(file).iter_batches(batch_size=1024)
    )
    return pa.Table.from_batches(batches, pq.read_schema(file)).slice(0, limit)


def evaluate_refiners(
    documents: DocumentRefiner, chunks: ChunkRefiner, labels: pa.Table, batch: int = 256
) -> dict[str, Any]:
    """Score both refiners on a labels table; documents only where it has a `keep` column.

    Lines are scored in the documents that are to be kept: ProX's chunk refiner never meets the others.
    """
    result: dict[str, Any] = {}
    if "keep" in labels.column_names:
        judged = labels.filter(pc.is_valid(labels["keep"]))
        if judged.num_rows:
            scores = [score for texts in _texts(judged, batch) for score in documents.score(texts)]
            probabilities = np.array([score.keep_probability for score in scores])
            truth = np.array(judged["keep"].to_pylist(), dtype=np.bool_)
            result["documents"] = asdict(document_metrics(probabilities, truth, documents.thresholds.keep))
        labels = labels.filter(pc.fill_null(labels["keep"], True))
    if labels.num_rows:
        known = KnownLines(chunks)
        result["lines"] = asdict(evaluate_lines(known, labels))
        result["lines_by"] = {
            column: _lines_by(known, labels, column)
            for column in ("language", "lang", "page_kind", "page_type", "source")
            if column in labels.column_names
        }
    return result


def evaluate_corpus(
    refined: Iterable[FinishedShard], sources: Iterable[FinishedShard], labels: pa.Table
) -> RemovalMetrics:
    """Compare what the pipeline removed with what the labels call noise, character by character.

    Lines that the labels call ambiguous do not count.
    """
    truth = {row["id"]: row for row in labels.to_pylist()}
    right = wanted = removed = total = documents = 0
    for text, row in _refined_texts(refined, sources, truth):
        noise, counts = _truth_masks(truth[row["doc_id"]])
        gone = _removed_mask(row, len(text)) & counts
        noise &= counts
        right += int((gone & noise).sum())
        wanted += int(noise.sum())
        removed += int(gone.sum())
        total += int(counts.sum())
        documents += 1
    return _removal_metrics(right, wanted, removed, total, documents)


def _removal_metrics(right: int, wanted: int, removed: int, total: int, documents: int) -> RemovalMetrics:
    precision = right / removed if removed else 0.0
    recall = right / wanted if wanted else 0.0
    clean, left = total - wanted, total - removed
    return RemovalMetrics(
        precision,
        recall,
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        (clean - (removed - right)) / clean if clean else 0.0,
        (wanted - right) / left if left else 0.0,
        documents,
        total,
    )


def _texts(labels: pa.Table, batch: int) -> Iterator[list[str]]:
    for part in labels.select(["lines"]).to_batches(max_chunksize=batch):
        yield ["\n".join(lines) for lines in part["lines"].to_pylist()]


def _lines_by(chunks: LineScorer, labels: pa.Table, column: str) -> dict[str, Any]:
    groups = sorted({str(value) for value in labels[column].to_pylist()})
    named = pc.fill_null(labels[column].cast(pa.string()), "None")
    return {group: asdict(evaluate_lines(chunks, labels.filter(pc.equal(named, group)))) for group in groups}


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


def _truth_masks(label: dict[str, Any]) -> tuple[Bools, Bools]:
    """Which characters of the source are noise, and which count: visible, and not in ambiguous lines."""
    text = "\n".join(label["lines"])
    counts = np.array([not character.isspace() for character in text], dtype=np.bool_)
    noise = np.zeros(len(text), dtype=np.bool_)
    ambiguous: Sequence[bool] = label.get("ambiguous") or [False] * len(label["lines"])
    starts = line_spans(text)
    for (start, stop), is_noise, unsure in zip(starts, label["is_noise"], ambiguous, strict=True):
        noise[start:stop] = is_noise
        if unsure:
            counts[start:stop] = False
    for span in label.get("spans") or ():
        first = starts[span["line"]][0]
        noise[first + span["start"] : first + span["stop"]] = True
    if label.get("keep") is False:
        noise[:] = True
    return noise, counts


def _removed_mask(row: dict[str, Any], length: int) -> Bools:
    gone = np.full(length, row["status"] == DROPPED or row["status"] != KEPT, dtype=np.bool_)
    for edit in row["edits"]:
        if edit["outcome"] == Outcome.APPLIED:
            gone[edit["start"] : edit["stop"]] = True
    return gone
