"""Curves from the log that the transformers Trainer keeps with its state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from prox_assets.refiner.course import Course
from prox_assets.refiner.curves import Curves, EpochPoint, StepPoint

F1, RATE = "eval_f1", "learning_rate"
Log = Sequence[Mapping[str, Any]]


def step_point(entry: Mapping[str, Any], course: Course) -> StepPoint:
    """The point of a log entry of an optimizer step."""
    step = entry["step"]
    return StepPoint(step, course.steps, entry["loss"], entry[RATE], course.tokens_seen[step - 1])


def curves_of(log: Log, course: Course) -> Curves:
    """The curves of a run so far."""
    curves = Curves([step_point(entry, course) for entry in log if RATE in entry])
    first = 0
    for entry in log:
        if F1 in entry:
            loss = float(np.mean([point.loss for point in curves.steps[first : entry["step"]]]))
            curves.epochs.append(EpochPoint(len(curves.epochs) + 1, entry["step"], loss, entry[F1]))
            first = entry["step"]
    return curves


def stopped_at(curves: Curves, patience: int | None) -> int | None:
    """The step at which training ends: `patience` epochs brought no better F1. None: it goes on."""
    best = 0
    for place, point in enumerate(curves.epochs):
        if point.validation_f1 > curves.epochs[best].validation_f1:
            best = place
        if patience is not None and place - best >= patience:
            return point.step
    return None
