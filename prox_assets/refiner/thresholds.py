"""Calibration by Platt scaling, and thresholds for a stated objective, both chosen on validation data."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from prox_assets.refiner.metrics import Bools, Floats, Sweep, good_thresholds, sweep

REMOVE_NOTHING = float(np.nextafter(1.0, 2.0))
"""The highest removal threshold: no score reaches it. It is written where no threshold meets its floor."""

_NO_OPINION = 0.5
_POINTS = 101


class Goal(StrEnum):
    """What a threshold is chosen for."""

    BEST_F1 = "best_f1"
    RETENTION = "retention"
    PRECISION = "precision"


@dataclass(frozen=True, slots=True)
class Aim:
    """A goal with its bound.

    `best_f1`: of the thresholds within `slack` of the best F1 the one that removes least. `retention`: remove
    as much as leaves at least `floor` of what should stay (clean lines, documents to keep). `precision`:
    remove as much as leaves at least `floor` of what is removed rightly removed. Where no threshold reaches a
    floor, nothing is removed.
    """

    goal: Goal = Goal.BEST_F1
    floor: float = 0.95
    slack: float = 0.01


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a threshold does on validation data: `precision`, `recall` and `f1` of what is removed, and the
    share of what should stay that stays (`retention`).
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    retention: float


def removal_threshold(scores: Floats, truth: Bools, aim: Aim) -> float:
    """The noise score from which something goes; `truth`: whether it should. Both `(n,)`."""
    if aim.goal is Goal.BEST_F1:
        good = good_thresholds(scores, truth, aim.slack)
        return float(good[0]) if len(good) else _NO_OPINION
    points = sweep(scores, truth)
    reached = points.precision if aim.goal is Goal.PRECISION else _retention(points, truth)
    allowed = np.flatnonzero(reached >= aim.floor)
    if not len(allowed):
        highest = float(scores.max(initial=0.0))
        return max((highest + 1) / 2, float(np.nextafter(highest, REMOVE_NOTHING)))
    return float(points.thresholds[allowed[np.argmax(points.recall[allowed])]])


def keep_threshold(scores: Floats, truth: Bools, aim: Aim) -> float:
    """The keep probability from which a document stays; `truth`: whether it should. Both `(n,)`.

    Best F1 is that of keeping; the floors are of removal, as for lines.
    """
    if aim.goal is Goal.BEST_F1:
        good = good_thresholds(scores, truth, aim.slack)
        return float(good[-1]) if len(good) else _NO_OPINION
    return max(0.0, 1 - removal_threshold(1 - scores, ~truth, aim))


def operating_points(scores: Floats, truth: Bools) -> list[OperatingPoint]:
    """What about a hundred thresholds would do, strictest first: a table to choose others from, later."""
    points = sweep(scores, truth)
    count = len(points.thresholds)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _POINTS)).astype(np.int64))
    columns = (points.thresholds, points.precision, points.recall, points.f1, _retention(points, truth))
    rows = zip(*(column[chosen].tolist() for column in columns), strict=True)
    return [OperatingPoint(*row) for row in rows]


def _retention(points: Sweep, truth: Bools) -> Floats:
    """The share of the negatives left at each cut."""
    result: Floats = 1 - points.taken * (1 - points.precision) / max(int((~truth).sum()), 1)
    return result


_EDGE = 1e-6
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """A score's log-odds times `slope`, plus `offset`; order is kept, for `slope` is positive.

    Applied to keep probabilities and to line scores, never to the tokens inside a line. (Platt 1999; a slope
    alone is temperature scaling, Guo et al. 2017.)
    """

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, scores: Floats) -> Floats:
        """The calibrated scores, `(n,)`."""
        if self == AS_IT_IS:
            return scores
        result: Floats = _sigmoid(self.slope * _log_odds(scores) + self.offset)
        return result


AS_IT_IS = Calibration()
"""Scores stay as the model gives them."""


def fit_calibration(scores: Floats, truth: Bools) -> Calibration:
    """The scaling of the highest likelihood, both `(n,)`; none where a class is missing or scores mislead.

    Targets are Platt's (n+1)/(n+2) and 1/(n+2), so that separable data have a finite answer.
    """
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return AS_IT_IS
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    features = np.column_stack([_log_odds(scores), np.ones(len(scores))])
    weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        step = _newton_step(features, target, weights)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    slope, offset = (float(value) for value in weights)
    return Calibration(slope, offset) if slope > 0 and np.isfinite(weights).all() else AS_IT_IS


def _newton_step(features: Floats, target: Floats, weights: Floats) -> Floats:
    """The Newton step of the negative log-likelihood, halved until it lowers it."""
    found = _sigmoid(features @ weights)
    gradient = features.T @ (found - target)
    curvature = (features * (found * (1 - found))[:, None]).T @ features + 1e-9 * np.eye(2)
    step: Floats = np.linalg.solve(curvature, gradient)
    now = _loss(features, target, weights)
    while np.abs(step).max() > 1e-12 and _loss(features, target, weights - step) > now:
        step = step / 2
    return step


def _loss(features: Floats, target: Floats, weights: Floats) -> float:
    odds = features @ weights
    return float((np.logaddexp(0.0, odds) - target * odds).sum())


def _log_odds(scores: Floats) -> Floats:
    clipped = np.clip(np.asarray(scores, dtype=np.float64), _EDGE, 1 - _EDGE)
    result: Floats = np.log(clipped) - np.log1p(-clipped)
    return result


def _sigmoid(odds: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-odds))
    return result
