"""A tokenized document as overlapping windows of whole lines, and token probabilities as scores of lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prox_assets.arrays import Bools, next_visible, visible
from prox_assets.chunking import Chunk, chunk_lines, line_spans
from prox_assets.errors import RefinerError
from prox_assets.inference import ScoringEngine
from prox_assets.inference.engine import Probabilities
from prox_assets.refiner.metrics import Floats, require_numbers
from prox_assets.refiner.tokenization import Ints, Specials, Tokens


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


@dataclass(frozen=True, slots=True)
class NoiseSpan:
    """Characters `[start, stop)` of the document inside one line; `score`: mean noise probability of its
    tokens.
    """

    start: int
    stop: int
    score: float


def line_scores(window: Window, probabilities: Floats) -> Floats:
    """The noise score of every line of a window, `(lines,)`: the mean over the line's visible tokens.

    Newlines and other white space have no say. A line without visible tokens follows its surroundings: it
    gets the lower of the scores of the nearest lines with tokens above and below in the window, so that it
    goes, at any threshold, only when both do. A window without visible tokens scores 0.
    """
    return fill_blank(_means(window, probabilities))


def _means(window: Window, probabilities: Floats) -> Floats:
    lines = _line_of_token(window)
    size = len(window.line_starts)
    counts = np.bincount(lines, minlength=size)
    sums = np.bincount(lines, weights=probabilities[window.shown].astype(np.float64), minlength=size)
    means: Floats = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
    return means


def _line_of_token(window: Window) -> np.ndarray:
    anchors = window.anchors[window.shown]
    return np.maximum(np.searchsorted(window.line_starts, anchors, side="right") - 1, 0)


def fill_blank(means: Floats) -> Floats:
    """Give lines without a score (NaN) the lower of their neighbours' scores; 0 where no line has one."""
    """Give lines without a score (NaN) the lower one of the nearest lines with one, 0 where none has."""
    known = np.flatnonzero(~np.isnan(means))
    if not len(known):
        return np.zeros_like(means)
    positions = np.arange(len(means))
    above = np.maximum(np.searchsorted(known, positions, side="right") - 1, 0)
    below = np.minimum(np.searchsorted(known, positions, side="left"), len(known) - 1)
    result: Floats = np.minimum(means[known[above]], means[known[below]])
    return result


def noisy_spans(text: str, window: Window, probabilities: Floats, threshold: float) -> list[NoiseSpan]:
    """The maximal runs of visible tokens of one line whose noise probability reaches `threshold`.

    A span begins and ends at visible characters. Runs are found in every line, also in those that score as
    noise: which lines stay is decided later, with the line threshold.
    """
    scores = probabilities[window.shown].astype(np.float64)
    noisy = np.r_[False, scores >= threshold, False]
    lines = np.r_[-1, _line_of_token(window), -1]
    turns = (noisy[1:] != noisy[:-1]) | (lines[1:] != lines[:-1])
    edges = np.flatnonzero(turns)
    starts = window.anchors[window.shown]
    stops = np.minimum(window.tokens.stops[window.shown], window.chunk.stop)
    return [
        _span(text, int(starts[first]), int(stops[last - 1]), float(scores[first:last].mean()))
        for first, last in pairwise(edges)
        if noisy[first + 1]
    ]


def inner_spans(text: str, window: Window, probabilities: Floats, span: NoiseSpan) -> list[NoiseSpan]:
    """The runs inside a span that are left without its least noisy tokens."""
    starts = window.anchors[window.shown]
    inside = (span.start <= starts) & (starts < span.stop)
    least = probabilities[window.shown].astype(np.float64)[inside].min()
    found = noisy_spans(text, window, probabilities, float(np.nextafter(least, np.inf)))
    return [one for one in found if span.start <= one.start and one.stop <= span.stop]


def _span(text: str, start: int, stop: int, score: float) -> NoiseSpan:
    return NoiseSpan(start, start + len(text[start:stop].rstrip()), score)


def merge_pieces(n_lines: int, parts: Sequence[tuple[Window, Floats]]) -> Floats:
    """The scores of a document's lines, `(n_lines,)`, from those of its windows; see `merge_chunks`."""
    return merge_chunks(n_lines, [(window.chunk, len(window.tokens), scores) for window, scores in parts])


def merge_chunks(n_lines: int, parts: Iterable[tuple[Chunk, int, Sequence[float] | Floats]]) -> Floats:
    """The scores of a document's lines, `(n_lines,)`, from chunks with their tokens and line scores.

    A line cut into pieces gets their mean weighted by tokens. Lines of no chunk (an empty text) score 0.

    Raises:
        RefinerError: a chunk has no scores, or some that are not numbers: the refiner failed on it.
    """
    sums, weights = np.zeros(n_lines), np.zeros(n_lines)
    for chunk, n_tokens, scores in parts:
        missing = len(scores) != chunk.line_stop - chunk.line_start
        require_numbers(np.full(1, np.nan) if missing else np.asarray(scores), "line scores")
        lines = slice(chunk.line_start, chunk.line_stop)
        sums[lines] += np.asarray(scores) * max(n_tokens, 1)
        weights[lines] += max(n_tokens, 1)
    return np.divide(sums, weights, out=np.zeros(n_lines), where=weights > 0)
