"""A tokenized document as windows of whole lines, and its lines and characters as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prox_assets.chunking import Chunk, chunk_lines, line_spans
from prox_assets.inference import ScoringEngine
from prox_assets.inference.engine import Probabilities
from prox_assets.refiner.tokenized import Ints, Specials, Tokens
from prox_assets.refiner.visible import Bools, next_visible, visible


@dataclass(frozen=True, slots=True)
class Window:
    """A chunk with its tokens: those that start in it.

    `anchors`: the first visible character at or after each token's start; `shown`: whether the token itself
    has it, so holds anything to see. Each `(tokens,)`. `line_starts`: where the chunk's lines start,
    `(lines,)`.
    """

    chunk: Chunk
    line_starts: Ints
    tokens: Tokens
    anchors: Ints
    shown: Bools


def windows(text: str, tokens: Tokens, size: int) -> list[Window]:
    """Cut `text` at whole lines into windows of at most `size` tokens (without specials)."""
    chunks = chunk_lines(text, tokens.starts.tolist(), size)
    bounds = [*np.searchsorted(tokens.starts, [chunk.start for chunk in chunks]).tolist(), len(tokens)]
    starts = np.array([start for start, _ in line_spans(text)], dtype=np.int64)
    anchors = next_visible(visible(text))[tokens.starts]
    shown = anchors < tokens.stops
    return [
        Window(
            chunk,
            starts[chunk.line_start : chunk.line_stop],
            tokens.slice(first, last),
            anchors[first:last],
            shown[first:last],
        )
        for chunk, (first, last) in zip(chunks, pairwise(bounds), strict=True)
    ]


def window_probabilities(
    engine: ScoringEngine, found: Sequence[Window], specials: Specials
) -> list[Probabilities]:
    """The noise probability of every token of every window, without specials."""
    ids = [specials.wrap(window.tokens.ids) for window in found]
    first = len(specials.prefix)
    return [
        probabilities[first : first + len(window.tokens)]
        for window, probabilities in zip(found, engine.token_probabilities(ids), strict=True)
    ]
