"""Metrics over the lines and documents of labels, in all and group by group."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prox_assets.arrays import Ints
from prox_assets.errors import RefinerError
from prox_assets.refiner import metrics
from prox_assets.refiner.metrics import Bools, Floats, document_f1, f1_interval, hits

Names = npt.NDArray[np.str_]

GROUP_COLUMNS = {
    "source": ("source",),
    "language": ("language", "lang"),
    "page_type": ("page_type", "page_kind"),
}
"""The groups that labels may name, and the columns that may hold them."""

NONE = "none"
_PLACES = 10
_QUARTERS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


@dataclass(frozen=True, slots=True)
class LabelledLines:
    """The lines that count of `n_documents` documents, in order: those that have something visible and are
    not ambiguous.

    `truth`: whether a line is noise; `document`: the number of its document; `counting`: which lines of each
    document these are; `groups`: for each grouping the group of every line. All `(lines,)`.
    """

    truth: Bools
    document: Ints
    counting: tuple[Bools, ...]
    groups: Mapping[str, Names]

    @property
    def n_documents(self) -> int:
        """How many documents there are, those without a line that counts included."""
        return len(self.counting)

    def chosen(self, line_values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Of values for all lines of each document those of the lines that count, `(lines,)`."""
        parts = [values[counts] for values, counts in zip(line_values, self.counting, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0)


def labelled_lines(labels: pa.Table) -> LabelledLines:
    """Read a labels table (`id`, `lines`, `is_noise`, optionally `ambiguous` and columns of groups).

    Raises:
        RefinerError: columns are missing, lengths differ, a line holds a newline, or no line counts.
    """
    _check_columns(labels)
    rows = labels.to_pylist()
    counting = tuple(_counting(row) for row in rows)
    sizes = [int(counts.sum()) for counts in counting]
    if not sum(sizes):
        raise RefinerError("No line to evaluate: the labels are empty or all ambiguous. Give other labels.")
    document = np.repeat(np.arange(len(rows)), sizes)
    of_documents = document_groups(rows, [document_text(row) for row in rows])
    groups = {name: values[document] for name, values in of_documents.items()}
    groups["place"] = np.concatenate([_places(len(counts))[counts] for counts in counting])
    truth = [
        np.array(row["is_noise"], dtype=np.bool_)[counts] for row, counts in zip(rows, counting, strict=True)
    ]
    return LabelledLines(np.concatenate(truth), document, counting, groups)


def document_groups(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> dict[str, Names]:
    """The groups of documents, `(documents,)` each: what the labels name, and the quarter of their length."""
    found: dict[str, Names] = {}
    for name, columns in GROUP_COLUMNS.items():
        column = next((column for column in columns if rows and column in rows[0]), None)
        if column is not None:
            found[name] = np.array([str(row[column] or NONE) for row in rows])
    lengths = np.array([len(text) for text in texts])
    limits = np.quantile(lengths, [0.25, 0.5, 0.75]) if len(lengths) else np.zeros(3)
    found["length"] = np.array(_QUARTERS)[np.searchsorted(limits, lengths)]
    return found


def document_text(row: Mapping[str, Any]) -> str:
    """The document of a labels row: its lines joined by newlines.

    Raises:
        RefinerError: lines and flags differ in number, or a line holds a newline.
    """
    lines, flags = row["lines"], row["is_noise"]
    if not isinstance(lines, list) or not isinstance(flags, list) or len(lines) != len(flags):
        raise RefinerError(f"Document {row['id']}: lines and is_noise differ in length. Correct the labels.")
    if any("\n" in line for line in lines):
        raise RefinerError(f"Document {row['id']}: a line holds a newline. Split it into lines of its own.")
    return "\n".join(lines)


def _check_columns(labels: pa.Table) -> None:
    missing = {"id", "lines", "is_noise"} - set(labels.column_names)
    if missing:
        raise RefinerError(
            f"The labels lack the columns {', '.join(sorted(missing))}. "
            "Give a Parquet file with id, lines, is_noise and optionally ambiguous."
        )


def _counting(row: Mapping[str, Any]) -> Bools:
    ambiguous = row.get("ambiguous") or [False] * len(row["lines"])
    flags = [
        not unsure and bool(str(line).strip()) for line, unsure in zip(row["lines"], ambiguous, strict=True)
    ]
    return np.array(flags, dtype=np.bool_)


def _places(n_lines: int) -> Names:
    tenths = np.arange(n_lines) * _PLACES // max(n_lines, 1)
    return np.array([f"{_PLACES * tenth}%" for tenth in tenths])


@dataclass(frozen=True, slots=True)
class LineMetrics:
    """Scores over the lines that count, noise being the positive class.

    `precision`, `recall` and `f1` pool all lines. `best_f1` is F1 at the threshold best for these very
    lines: an upper bound, not a result. `roc_auc` is None when a class is missing.
    `expected_calibration_error` has 15 equal-width bins of the noise score.
    """

    precision: float
    recall: float
    f1: float
    best_f1: float
    average_precision: float
    roc_auc: float | None
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


@dataclass(frozen=True, slots=True)
class DecisionMetrics:
    """How good decisions are on the rows of one group, with no word on scores.

    `f1_low` and `f1_high`: the middle 95% of F1 over resampled documents. `document_f1`: the mean over
    documents of the F1 between the predicted and the wanted set (1 where both are empty). `positive_share` of
    the rows are positive, `predicted_share` are called so: an editor that only cuts tails shows there, by
    place.
    """

    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    document_f1: float
    positive_share: float
    predicted_share: float
    n_documents: int
    n: int


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
    not count.

    Raises:
        RefinerError: columns are missing, lengths differ, a line holds a newline, or no line counts.
    """
    lines = labelled_lines(labels)
    scores = [
        score for texts in text_batches(labels, batch_documents) for score in refiner.line_scores(texts)
    ]
    documents = sum(bool(counts.any()) for counts in lines.counting)
    return line_metrics(lines.chosen(scores), lines.truth, refiner.line_threshold, documents)


def text_batches(labels: pa.Table, batch_documents: int) -> Iterator[list[str]]:
    """The documents of a labels table, some at a time."""
    for batch in labels.select(["id", "lines", "is_noise"]).to_batches(max_chunksize=batch_documents):
        yield [document_text(row) for row in batch.to_pylist()]


def line_metrics(scores: Floats, truth: Bools, threshold: float, n_documents: int) -> LineMetrics:
    """The metrics of lines already scored, both `(lines,)`."""
    if not len(scores):
        raise RefinerError("No line to evaluate: the labels are empty or all ambiguous. Give other labels.")
    metrics.require_numbers(scores, "line scores")
    cut = metrics.at_threshold(scores, truth, threshold)
    area = metrics.roc_auc(scores, truth)
    return LineMetrics(
        cut.precision,
        cut.recall,
        cut.f1,
        metrics.best_f1(scores, truth),
        metrics.average_precision(scores, truth),
        None if math.isnan(area) else area,
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
    metrics.require_numbers(scores, "keep probabilities")
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


def decision_metrics(predicted: Bools, truth: Bools, document: Ints) -> DecisionMetrics:
    """The metrics of decisions, `(rows,)`; `document` says which rows are of one document."""
    _, number = np.unique(document, return_inverse=True)
    found = hits(predicted, truth, number, int(number.max(initial=-1)) + 1)
    cut = metrics.at_threshold(predicted.astype(np.float64), truth, 0.5)
    interval = f1_interval(found)
    return DecisionMetrics(
        cut.precision,
        cut.recall,
        cut.f1,
        interval.low,
        interval.high,
        document_f1(found),
        float(truth.mean()),
        float(predicted.mean()),
        len(found.right),
        len(truth),
    )


def line_decisions(predicted: Bools, lines: LabelledLines) -> DecisionMetrics:
    """The metrics of line decisions, `(lines,)` as `lines.truth`."""
    return decision_metrics(predicted, lines.truth, lines.document)


def decisions_by(
    predicted: Bools, truth: Bools, document: Ints, groups: Mapping[str, Names]
) -> dict[str, dict[str, DecisionMetrics]]:
    """The metrics of every group of every grouping, groups in order of their names."""
    return {name: dict(_by(predicted, truth, document, values)) for name, values in groups.items()}


def _by(
    predicted: Bools, truth: Bools, document: Ints, values: npt.NDArray[np.str_]
) -> Iterator[tuple[str, DecisionMetrics]]:
    for group in np.unique(values):
        rows = values == group
        yield str(group), decision_metrics(predicted[rows], truth[rows], document[rows])
