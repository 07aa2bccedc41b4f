"""The validation rows, prepared once and judged after every epoch and for the thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prox_assets.inference import ScoringEngine
from prox_assets.inference.engine import Probabilities
from prox_assets.refiner.examples import Example, LabelledText, character_labels
from prox_assets.refiner.lines import line_scores, merge_pieces
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.refiner.tokenized import TextTokenizer
from prox_assets.refiner.truth import line_truth
from prox_assets.refiner.windows import Window, window_probabilities, windows


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores with the truth they should meet, `(n,)` each."""

    scores: Floats
    truth: Bools


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
        for row, document in zip(self._rows, self._windows, strict=True):
            scored = [(window, next(probabilities)) for window in document]
            lines.append(_lines(row, scored))
            tokens.extend(_clean_line_tokens(row, scored))
        return JudgedChunks(_concatenate(lines), _concatenate(tokens))


def _lines(row: LabelledText, scored: list[tuple[Window, Probabilities]]) -> Judged:
    noise, counts = line_truth(row)
    scores = merge_pieces(len(noise), [(window, line_scores(window, p)) for window, p in scored])
    return Judged(scores[counts], noise[counts])


def _clean_line_tokens(row: LabelledText, scored: list[tuple[Window, Probabilities]]) -> list[Judged]:
    noise, counts = line_truth(row)
    characters = character_labels(row)
    judged = []
    for window, probabilities in scored:
        anchors = window.anchors[window.shown]
        lines = window.chunk.line_start + np.searchsorted(window.line_starts, anchors, side="right") - 1
        chosen = counts[lines] & ~noise[lines]
        judged.append(Judged(probabilities[window.shown][chosen], characters[anchors[chosen]] == 1))
    return judged


def _concatenate(parts: Sequence[Judged]) -> Judged:
    if not parts:
        return Judged(np.zeros(0), np.zeros(0, dtype=np.bool_))
    return Judged(
        np.concatenate([part.scores for part in parts]), np.concatenate([part.truth for part in parts])
    )
