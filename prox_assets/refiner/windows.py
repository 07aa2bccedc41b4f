"""A tokenized document as windows of whole lines that overlap, and its lines and characters as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prox_assets.chunking import Chunk, chunk_lines, line_spans
from prox_assets.errors import RefinerError
from prox_assets.inference import ScoringEngine
from prox_assets.inference.engine import Probabilities
from prox_assets.refiner.tokenized import Ints, Specials, Tokens
from prox_assets.refiner.visible import Bools, next_visible, visible


@dataclass(frozen=True, slots=True)
class Window:
    """A chunk with its tokens: those that start in it.

    `before`, `after`: ids of the tokens around the chunk that the model reads with it, for their sake only:
    they are scored in the windows that they start in. `anchors`: the first visible character at or after each
    token's start; `shown`: whether the token itself has it, inside the chunk, so holds anything to see (where
    an over-long line is cut behind a space, " word" starts in one chunk and would show in the next). Each
    `(tokens,)`. `line_starts`: where the chunk's lines start, `(lines,)`.
    """

    chunk: Chunk
    line_starts: Ints
    tokens: Tokens
    anchors: Ints
    shown: Bools
    before: Ints
    after: Ints

    @property
    def ids(self) -> Ints:
        """What the model reads, specials apart."""
        return np.concatenate([self.before, self.tokens.ids, self.after])

    @property
    def own(self) -> slice:
        """Where the chunk's own tokens are among `ids`."""
        return slice(len(self.before), len(self.before) + len(self.tokens))


def windows(text: str, tokens: Tokens, size: int, overlap: int = 0) -> list[Window]:
    """Cut `text` at whole lines into windows of at most `size` tokens (without specials).

    Of these, up to `overlap` on either side belong to the neighbouring windows, so that no line is judged at
    the edge of what the model sees; a text that fits one window is not cut for it.

    Raises:
        RefinerError: the overlaps leave no room for a chunk.
    """
    room = size if len(tokens) <= size else size - 2 * overlap
    if room < 1:
        raise RefinerError(
            f"Windows of {size} tokens cannot overlap by {overlap} on either side. "
            "Lower overlap, or raise window."
        )
    chunks = chunk_lines(text, tokens.starts.tolist(), room)
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
            shown[first:last] & (anchors[first:last] < chunk.stop),
            tokens.ids[max(first - overlap, 0) : first],
            tokens.ids[last : last + overlap],
        )
        for chunk, (first, last) in zip(chunks, pairwise(bounds), strict=True)
    ]


def window_probabilities(
    engine: ScoringEngine, found: Sequence[Window], specials: Specials
) -> list[Probabilities]:
    """The noise probability of every token of every window, without specials."""
    ids = [specials.wrap(window.ids) for window in found]
    first = len(specials.prefix)
    return [
        probabilities[first:][window.own]
        for window, probabilities in zip(found, engine.token_probabilities(ids), strict=True)
    ]
