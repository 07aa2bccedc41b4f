"""Scores that mean what they say: Platt scaling, fitted on validation data and stored with the checkpoint."""

from dataclasses import dataclass

import numpy as np

from prox_assets.refiner.metrics import Bools, Floats

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
