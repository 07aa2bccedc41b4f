"""How sure a score is: resampling whole documents, for the lines of one page are no independent draws."""

from dataclasses import dataclass

import numpy as np

from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.refiner.visible import Ints

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
