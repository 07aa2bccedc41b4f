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
from prox_assets.refiner.visible import Ints
from prox_assets.refiner.windows import Window, window_probabilities, windows


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
