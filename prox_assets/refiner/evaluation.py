"""How good a refiner is: over lines (ProX's chunk metric) and over documents, in all and group by group."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prox_assets.errors import RefinerError
from prox_assets.refiner import metrics
from prox_assets.refiner.bootstrap import document_f1, f1_interval, hits
from prox_assets.refiner.labelled_lines import LabelledLines, Names, document_text, labelled_lines
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.refiner.visible import Ints


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
