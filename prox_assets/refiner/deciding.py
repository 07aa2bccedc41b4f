"""From validation scores to what a checkpoint stores: its calibration, thresholds, metrics and choices."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prox_assets.inference import Task
from prox_assets.refiner import metrics
from prox_assets.refiner.aims import (
    Aim,
    OperatingPoint,
    keep_threshold,
    operating_points,
    removal_threshold,
)
from prox_assets.refiner.calibration import Calibration, fit_calibration
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refiner.evaluation import document_metrics, line_metrics
from prox_assets.refiner.gate import Evidence, measured
from prox_assets.refiner.metrics import require_numbers
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.validation import Judged, JudgedChunks


@dataclass(frozen=True, slots=True)
class Decided:
    """What validation data decide. `metrics` are of calibrated scores on these very data; `points`: other
    thresholds one may choose, for keeping documents or for removing lines.
    """

    calibration: Calibration
    thresholds: DocumentThresholds | ChunkThresholds
    metrics: dict[str, float]
    points: list[OperatingPoint]
    evidence: Evidence


def decide_documents(judged: Judged, recipe: Recipe) -> Decided:
    """Calibrate keep probabilities and choose the threshold for the recipe's aim.

    Raises RefinerError where scores are not numbers.
    """
    require_numbers(judged.scores, "keep probabilities")
    calibration = fit_calibration(judged.scores, judged.truth)
    scores = calibration(judged.scores)
    threshold = keep_threshold(scores, judged.truth, _aim(recipe))
    found = _numbers(asdict(document_metrics(scores, judged.truth, threshold)))
    points = operating_points(scores, judged.truth)
    evidence = measured(scores, judged.truth, judged.documents, threshold, Task.DOCUMENT, recipe.aim)
    return Decided(
        calibration, DocumentThresholds(threshold), found | _uncalibrated(judged), points, evidence
    )


def decide_chunks(judged: JudgedChunks, recipe: Recipe, n_documents: int) -> Decided:
    """Calibrate line scores and choose the thresholds: for lines by the aim, for spans by their floor.

    Raises RefinerError where scores are not numbers.
    """
    lines, tokens = judged.lines, judged.tokens_in_clean_lines
    require_numbers(np.concatenate([lines.scores, tokens.scores]), "noise probabilities")
    calibration = fit_calibration(lines.scores, lines.truth)
    scores = calibration(lines.scores)
    thresholds = ChunkThresholds(
        line=removal_threshold(scores, lines.truth, _aim(recipe)),
        span=metrics.best_f1_threshold(tokens.scores, tokens.truth, recipe.span_precision_floor),
    )
    found = _numbers(asdict(line_metrics(scores, lines.truth, thresholds.line, n_documents)))
    if thresholds.span is not None:
        cut = metrics.at_threshold(tokens.scores, tokens.truth, thresholds.span)
        found |= {f"span_token_{name}": value for name, value in asdict(cut).items()}
    evidence = measured(scores, lines.truth, lines.documents, thresholds.line, Task.CHUNK, recipe.aim)
    points = operating_points(scores, lines.truth)
    return Decided(calibration, thresholds, found | _uncalibrated(lines), points, evidence)


def _aim(recipe: Recipe) -> Aim:
    return Aim(recipe.aim, recipe.aim_floor, recipe.f1_slack)


def _uncalibrated(judged: Judged) -> dict[str, float]:
    error = metrics.expected_calibration_error(judged.scores, judged.truth)
    return {"uncalibrated_calibration_error": error}


def _numbers(scores: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if value is not None}
