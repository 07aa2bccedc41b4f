"""Thresholds for a stated aim, chosen on validation data."""

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
