"""How good a refiner is: over lines (ProX's chunk metric) and over documents."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prox_assets.errors import RefinerError
from prox_assets.refiner import metrics
from prox_assets.refiner.metrics import Bools, Floats


@dataclass(frozen=True, slots=True)
class LineMetrics:
    """Scores over the lines that count, noise being the positive class.

    `best_f1` is F1 at the threshold best for these very lines: an upper bound, not a result.
    `expected_calibration_error` has 15 equal-width bins of the noise score.
    """

    precision: float
    recall: float
    f1: float
    best_f1: float
    average_precision: float
    expected_calibration_error: float
    threshold: float
    n_documents: int
    n_lines: int
    n_noise_lines: int


@dataclass(frozen=True, slots=True)
class DocumentMetrics:
    """Scores over documents, keep being the positive class. `roc_auc` is None when a class is missing."""

    precision: float
    recall: float
    f1: float
    best_f1: float
    average_precision: float
    roc_auc: float | None
    expected_calibration_error: float
    threshold: float
    n_documents: int
    n_keep: int


class LineScorer(Protocol):
    """What `evaluate_lines` asks of a chunk refiner."""

    @property
    def line_threshold(self) -> float:
        """The score at which a line goes."""
        ...

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        """The noise score of every line of every text, `(lines,)` each."""
        ...


def evaluate_lines(refiner: LineScorer, labels: pa.Table, batch_documents: int = 256) -> LineMetrics:
    """Score the lines of a labels table (`id`, `lines`, `is_noise`, optionally `ambiguous`).

    The document is its lines joined by newlines. Lines marked ambiguous and lines with nothing visible do
    not count. Raises RefinerError when columns are missing, lengths differ, a line holds a newline, or no
    line counts.
    """
    _check_columns(labels)
    scores, truth, documents = [], [], 0
    for batch in labels.to_batches(max_chunksize=batch_documents):
        rows = batch.to_pylist()
        for row, found in zip(rows, refiner.line_scores([_text(row) for row in rows]), strict=True):
            counts = _counting(row)
            scores.append(found[counts])
            truth.append(np.array(row["is_noise"], dtype=np.bool_)[counts])
            documents += bool(counts.any())
    return line_metrics(_joined(scores), _joined(truth).astype(np.bool_), refiner.line_threshold, documents)


def line_metrics(scores: Floats, truth: Bools, threshold: float, n_documents: int) -> LineMetrics:
    """The metrics of lines already scored, both `(lines,)`."""
    if not len(scores):
        raise RefinerError("No line to evaluate: the labels are empty or all ambiguous. Give other labels.")
    cut = metrics.at_threshold(scores, truth, threshold)
    return LineMetrics(
        cut.precision,
        cut.recall,
        cut.f1,
        metrics.best_f1(scores, truth),
        metrics.average_precision(scores, truth),
        metrics.expected_calibration_error(scores, truth),
        threshold,
        n_documents,
        len(scores),
        int(truth.sum()),
    )


def document_metrics(scores: Floats, truth: Bools, threshold: float) -> DocumentMetrics:
    """The metrics of keep probabilities against the truth, both `(documents,)`."""
    if not len(scores):
        raise RefinerError("No document to evaluate: the truth is empty. Give documents with a keep label.")
    cut = metrics.at_threshold(scores, truth, threshold)
    area = metrics.roc_auc(scores, truth)
    return DocumentMetrics(
        cut.precision,
        cut.recall,
        cut.f1,
        metrics.best_f1(scores, truth),
        metrics.average_precision(scores, truth),
        None if math.isnan(area) else area,
        metrics.expected_calibration_error(scores, truth),
        threshold,
        len(scores),
        int(truth.sum()),
    )


def _check_columns(labels: pa.Table) -> None:
    missing = {"id", "lines", "is_noise"} - set(labels.column_names)
    if missing:
        raise RefinerError(
            f"The labels lack the columns {', '.join(sorted(missing))}. "
            "Give a Parquet file with id, lines, is_noise and optionally ambiguous."
        )


def _text(row: dict[str, object]) -> str:
    lines, flags = row["lines"], row["is_noise"]
    if not isinstance(lines, list) or not isinstance(flags, list) or len(lines) != len(flags):
        raise RefinerError(f"Document {row['id']}: lines and is_noise differ in length. Correct the labels.")
    if any("\n" in line for line in lines):
        raise RefinerError(f"Document {row['id']}: a line holds a newline. Split it into lines of its own.")
    return "\n".join(lines)


def _counting(row: dict[str, list[bool]]) -> Bools:
    ambiguous = row.get("ambiguous") or [False] * len(row["lines"])
    visible = [
        not unsure and bool(str(line).strip()) for line, unsure in zip(row["lines"], ambiguous, strict=True)
    ]
    return np.array(visible, dtype=np.bool_)


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0)
