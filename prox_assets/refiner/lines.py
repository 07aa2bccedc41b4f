"""From the noise probability of tokens to the noise score of lines and to noisy spans inside lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prox_assets.chunking import Chunk
from prox_assets.refiner.metrics import Floats, require_numbers
from prox_assets.refiner.windows import Window


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
