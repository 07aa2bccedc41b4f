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
