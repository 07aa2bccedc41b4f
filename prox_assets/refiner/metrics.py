"""Metrics of a binary classifier from its probabilities, and their intervals over resampled documents."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prox_assets.arrays import Ints
from prox_assets.errors import RefinerError

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


def require_numbers(scores: Floats, what: str) -> None:
    """Raise RefinerError where scores, `(n,)`, are not finite: the training diverged."""
    wrong = int((~np.isfinite(scores)).sum())
    if wrong:
        raise RefinerError(
            f"{wrong} of {len(scores)} {what} are not numbers: the refiner's weights are damaged, or its "
            "training diverged. Train it again with a lower training.peak_learning_rate, or in float32 "
            "(training.precision)."
        )


@dataclass(frozen=True, slots=True)
class BinaryScores:
    """Precision, recall and F1 of the positive class; 0 where a denominator is 0."""

    precision: float
    recall: float
    f1: float


def at_threshold(scores: Floats, truth: Bools, threshold: float) -> BinaryScores:
    """The scores of calling positive what reaches `threshold`. Both arrays `(n,)`."""
    predicted = scores >= threshold
    hits = int((predicted & truth).sum())
    precision = hits / max(int(predicted.sum()), 1)
    recall = hits / max(int(truth.sum()), 1)
    return BinaryScores(precision, recall, 2 * precision * recall / max(precision + recall, 1e-12))


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every distinct cut of the scores, strictest first: its threshold, precision and recall, and how many
    rows are above it, `(cuts,)` each.
    """

    thresholds: Floats
    precision: Floats
    recall: Floats
    taken: Floats

    @property
    def f1(self) -> Floats:
        """F1 at each cut."""
        result: Floats = 2 * self.precision * self.recall / np.maximum(self.precision + self.recall, 1e-12)
        return result


def sweep(scores: Floats, truth: Bools) -> Sweep:
    """All cuts. A threshold lies half-way between the last score above the cut and the first below it."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    hits = np.cumsum(truth[order])
    last = (
        np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True]) if len(ranked) else np.zeros(0, dtype=np.int64)
    )
    below = np.r_[ranked[1:], 0.0][last] if len(ranked) else ranked
    taken = (last + 1).astype(np.float64)
    return Sweep((ranked[last] + below) / 2, hits[last] / taken, hits[last] / max(int(truth.sum()), 1), taken)


def best_f1_threshold(scores: Floats, truth: Bools, precision_floor: float = 0.0) -> float | None:
    """The threshold of highest F1 among those of at least `precision_floor`, the one nearest to 0.5 on a tie.

    None when there is no positive or no cut reaches the floor.
    """
    cuts = sweep(scores, truth)
    f1 = np.where(cuts.precision >= precision_floor, cuts.f1, 0.0)
    if not len(f1) or f1.max() <= 0:
        return None
    best = cuts.thresholds[f1 >= f1.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])


def good_thresholds(scores: Floats, truth: Bools, slack: float) -> Floats:
    """The thresholds whose F1 is at most `slack` below the best, strictest first; none without a positive.

    Between them validation data decide little; the caller takes the one that removes least.
    """
    cuts = sweep(scores, truth)
    if not len(cuts.f1) or cuts.f1.max() <= 0:
        return np.zeros(0)
    found: Floats = cuts.thresholds[cuts.f1 >= cuts.f1.max() - slack - 1e-12]
    return found


def best_f1(scores: Floats, truth: Bools) -> float:
    """F1 at the best threshold for these very scores: an upper bound, not a result."""
    return float(sweep(scores, truth).f1.max(initial=0.0))


def average_precision(scores: Floats, truth: Bools) -> float:
    """The sum over cuts of precision times the recall gained, without interpolation."""
    cuts = sweep(scores, truth)
    return float(np.sum(cuts.precision * np.diff(cuts.recall, prepend=0.0)))


def roc_auc(scores: Floats, truth: Bools) -> float:
    """The chance that a positive outscores a negative, ties counting half. NaN when a class is missing."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@dataclass(frozen=True, slots=True)
class Reliability:
    """What the scores promised and what came true, bin by bin of equal width, `(bins,)` each.

    `confidence`: mean score; `frequency`: share of positives; both 0 in an empty bin.
    """

    confidence: tuple[float, ...]
    frequency: tuple[float, ...]
    count: tuple[int, ...]


def reliability(scores: Floats, truth: Bools, bins: int = 15) -> Reliability:
    """Scores in `bins` equal parts of [0, 1]: what a reliability plot shows."""
    index = np.minimum((scores * bins).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    confidence = np.bincount(index, weights=scores, minlength=bins) / np.maximum(count, 1)
    frequency = np.bincount(index, weights=truth.astype(np.float64), minlength=bins) / np.maximum(count, 1)
    return Reliability(tuple(confidence.tolist()), tuple(frequency.tolist()), tuple(count.tolist()))


def expected_calibration_error(scores: Floats, truth: Bools, bins: int = 15) -> float:
    """Mean |confidence - frequency| of the positive class over equal-width bins, weighted by their size.

    (Guo et al. 2017, with probabilities of the positive class instead of the predicted one.)
    """
    if not len(scores):
        return float("nan")
    found = reliability(scores, truth, bins)
    gaps = np.abs(np.array(found.confidence) - np.array(found.frequency))
    return float((gaps * np.array(found.count)).sum() / len(scores))


_DRAWS = 1000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95% of a score over resampled documents."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Hits:
    """What F1 is made of, by document, `(documents,)` each: right, predicted and wanted positives."""

    right: Floats
    predicted: Floats
    wanted: Floats

    def stacked(self) -> Floats:
        """All three, `(documents, 3)`."""
        return np.column_stack([self.right, self.predicted, self.wanted])


def hits(predicted: Bools, truth: Bools, document: Ints, n_documents: int) -> Hits:
    """Count per document; `document` is the number of each row's document, all `(rows,)`."""

    def count(chosen: Bools) -> Floats:
        found: Floats = np.bincount(document[chosen], minlength=n_documents).astype(np.float64)
        return found

    return Hits(count(predicted & truth), count(predicted), count(truth))


def f1_interval(found: Hits, seed: int = 0) -> Interval:
    """Of micro F1: each draw takes as many documents as there are, with replacement."""
    return _middle(_f1(_draws(len(found.right), seed) @ found.stacked()))


def f1_difference(one: Hits, other: Hits, seed: int = 0) -> Interval:
    """Of the F1 of `one` minus that of `other` on the same documents, drawn together."""
    draws = _draws(len(one.right), seed)
    return _middle(_f1(draws @ one.stacked()) - _f1(draws @ other.stacked()))


def auc_interval(scores: Floats, truth: Bools, document: Ints, seed: int = 0) -> Interval | None:
    """Of the area under the ROC curve of rows, `(rows,)` each; None where a class is missing.

    Each draw takes as many documents as there are, with replacement; draws without one of the classes are
    left out.
    """
    if not truth.any() or truth.all():
        return None
    _, number = np.unique(document, return_inverse=True)
    order = np.argsort(scores, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True])  # of each run of equal scores
    number, positive = number[order], truth[order]
    areas = [_weighted_auc(draw[number], positive, last) for draw in _draws(int(number.max()) + 1, seed)]
    return _middle(np.array([area for area in areas if area is not None]))


def _weighted_auc(weights: Floats, positive: Bools, last: Ints) -> float | None:
    """The chance that a positive outscores a negative, ties counting half; rows are in order of scores."""
    positives = np.diff(np.cumsum(weights * positive)[last], prepend=0.0)
    below = np.cumsum(weights * ~positive)[last]
    negatives = np.diff(below, prepend=0.0)
    pairs = positives.sum() * below[-1]
    return float(positives @ (below - negatives / 2) / pairs) if pairs else None


def document_f1(found: Hits) -> float:
    """The mean over documents of the F1 of the predicted and the wanted set: 1 where both are empty."""
    total = found.predicted + found.wanted
    return (
        float(np.mean(np.where(total > 0, 2 * found.right / np.maximum(total, 1), 1.0)))
        if len(total)
        else 0.0
    )


def _draws(n_documents: int, seed: int) -> Floats:
    shares = np.full(n_documents, 1 / max(n_documents, 1))
    draws: Floats = (
        np.random.default_rng(seed).multinomial(n_documents, shares, size=_DRAWS).astype(np.float64)
    )
    return draws


def _f1(sums: Floats) -> Floats:
    result: Floats = 2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1.0)
    return result


def _middle(values: Floats) -> Interval:
    low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(low), float(high))
