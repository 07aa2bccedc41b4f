"""Validation of a scoring refiner: scores after every epoch; calibration and thresholds from them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prox_assets.arrays import Ints
from prox_assets.inference import ScoringEngine, Task
from prox_assets.inference.engine import Probabilities
from prox_assets.refiner import metrics
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refiner.data import Example, LabelledText, character_labels, line_truth
from prox_assets.refiner.evaluation import document_metrics, line_metrics
from prox_assets.refiner.gate import Evidence, measured
from prox_assets.refiner.metrics import Bools, Floats, require_numbers
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.windows import (
    Window,
    line_scores,
    merge_pieces,
    window_probabilities,
    windows,
)
from prox_assets.refiner.thresholds import (
    Aim,
    Calibration,
    OperatingPoint,
    fit_calibration,
    keep_threshold,
    operating_points,
    removal_threshold,
)
from prox_assets.refiner.tokenization import TextTokenizer


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores with the truth they should meet, `(n,)` each, and the number of the document that each is of.

    Without numbers each is of a document of its own.
    """

    scores: Floats
    truth: Bools
    document: Ints | None = None

    @property
    def documents(self) -> Ints:
        """The number of each score's document, `(n,)`."""
        return np.arange(len(self.scores)) if self.document is None else self.document


@dataclass(frozen=True, slots=True)
class JudgedChunks:
    """`lines` of the validation documents, and the visible tokens inside `clean_lines`, for the span
    threshold.
    """

    lines: Judged
    tokens_in_clean_lines: Judged


class DocumentValidation:
    """Validation documents as sequences."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._ids = [example.ids for example in examples]
        self._truth = np.array([example.labels[0] == 1 for example in examples])

    def judge(self, engine: ScoringEngine) -> Judged:
        """Keep probabilities beside the labels."""
        return Judged(engine.document_probabilities(self._ids), self._truth)


class ChunkValidation:
    """Validation documents as windows, with the truth of their lines and characters."""

    def __init__(
        self, rows: Sequence[LabelledText], tokenizer: TextTokenizer, window: int, overlap: int = 0
    ) -> None:
        self._specials = tokenizer.specials
        self._rows = rows
        self._windows = [
            windows(row.text, tokens, window - len(self._specials), overlap)
            for row, tokens in zip(rows, tokenizer([row.text for row in rows]), strict=True)
        ]

    def judge(self, engine: ScoringEngine) -> JudgedChunks:
        """Line scores and token probabilities beside the labels, of what counts."""
        flat = [window for document in self._windows for window in document]
        probabilities = iter(window_probabilities(engine, flat, self._specials))
        lines, tokens = [], []
        for number, (row, document) in enumerate(zip(self._rows, self._windows, strict=True)):
            scored = [(window, next(probabilities)) for window in document]
            lines.append(_lines(row, scored, number))
            tokens.extend(_clean_line_tokens(row, scored, number))
        return JudgedChunks(_concatenate(lines), _concatenate(tokens))


def _lines(row: LabelledText, scored: list[tuple[Window, Probabilities]], number: int) -> Judged:
    noise, counts = line_truth(row)
    scores = merge_pieces(len(noise), [(window, line_scores(window, p)) for window, p in scored])
    return _of_document(scores[counts], noise[counts], number)


def _clean_line_tokens(
    row: LabelledText, scored: list[tuple[Window, Probabilities]], number: int
) -> list[Judged]:
    noise, counts = line_truth(row)
    characters = character_labels(row)
    judged = []
    for window, probabilities in scored:
        anchors = window.anchors[window.shown]
        lines = window.chunk.line_start + np.searchsorted(window.line_starts, anchors, side="right") - 1
        chosen = counts[lines] & ~noise[lines]
        truth = characters[anchors[chosen]] == 1
        judged.append(_of_document(probabilities[window.shown][chosen], truth, number))
    return judged


def _of_document(scores: Floats, truth: Bools, number: int) -> Judged:
    return Judged(scores, truth, np.full(len(scores), number))


def _concatenate(parts: Sequence[Judged]) -> Judged:
    if not parts:
        return Judged(np.zeros(0), np.zeros(0, dtype=np.bool_))
    return Judged(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.documents for part in parts]),
    )


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
