"""From line scores and noisy spans to a program: pure, so that thresholds can move without a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs.program import Call, Program
from prox_assets.programs.rails import Rails
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.lines import NoiseSpan
from prox_assets.refiner.naming import SpanNamer

_DEFAULT_RAILS = Rails()


@dataclass(frozen=True, slots=True)
class ScoredProgram:
    """A chunk's program with a score for each call, and how many noisy spans no call could name.

    The score of `remove_lines` is the mean over its lines, that of `normalize` over its spans, that of
    `keep_chunk` one minus the highest line score.
    """

    program: Program
    scores: tuple[float, ...]
    unnamed_spans: int = 0


def edit_program(
    text: str,
    chunk: Chunk,
    line_scores: Sequence[float],
    spans: Sequence[NoiseSpan],
    thresholds: ChunkThresholds,
    rails: Rails = _DEFAULT_RAILS,
) -> ScoredProgram:
    """Write the program of one chunk of `text`.

    Runs of lines that reach the line threshold become `remove_lines`; a span that reaches the span threshold
    in another line becomes `normalize`, longest first, where a call can name it and nothing that is not noise
    (`naming.py`). `spans` are those of `lines.noisy_spans`, found at this span threshold or a lower one.
    """
    removed = [score >= thresholds.line for score in line_scores]
    calls = list(_line_calls(chunk.line_start, line_scores, removed))
    wanted = _wanted(text, chunk, removed, spans, thresholds)
    namer = SpanNamer(text, chunk, _noise(text, chunk, removed, wanted), rails)
    longest_first = sorted(wanted, key=lambda span: span.start - span.stop)
    named = [(namer.call(span.start, span.stop), span.score) for span in longest_first]
    calls += _span_calls([(call, score) for call, score in named if call])
    calls = calls or [(Call("keep_chunk"), 1 - max(line_scores, default=0.0))]
    unnamed = sum(call is None for call, _ in named)
    return ScoredProgram(Program(tuple(c for c, _ in calls)), tuple(float(s) for _, s in calls), unnamed)


def _line_calls(first: int, scores: Sequence[float], removed: Sequence[bool]) -> Iterator[tuple[Call, float]]:
    for gone, run in groupby(range(len(removed)), key=removed.__getitem__):
        lines = list(run)
        if gone:
            yield (
                Call("remove_lines", (first + lines[0], first + lines[-1])),
                float(np.mean(np.take(scores, lines))),
            )


def _span_calls(named: Sequence[tuple[Call, float]]) -> list[tuple[Call, float]]:
    scores: dict[Call, list[float]] = {}
    for call, score in named:
        scores.setdefault(call, []).append(score)
    return [(call, float(np.mean(values))) for call, values in scores.items()]


def _wanted(
    text: str, chunk: Chunk, removed: Sequence[bool], spans: Sequence[NoiseSpan], thresholds: ChunkThresholds
) -> list[NoiseSpan]:
    if thresholds.span is None:
        return []
    starts = _line_starts(text, chunk)
    return [
        span
        for span in spans
        if span.score >= thresholds.span
        and span.stop - span.start >= thresholds.min_span_chars
        and not removed[int(np.searchsorted(starts, span.start, side="right")) - 1]
    ]


def _line_starts(text: str, chunk: Chunk) -> list[int]:
    return [chunk.start + start for start, _ in line_spans(text[chunk.start : chunk.stop])]


def _noise(text: str, chunk: Chunk, removed: Sequence[bool], wanted: Sequence[NoiseSpan]) -> np.ndarray:
    """Which characters of the chunk go, `(characters of the chunk,)`."""
    noise = np.zeros(chunk.stop - chunk.start, dtype=np.bool_)
    for gone, (start, stop) in zip(removed, line_spans(text[chunk.start : chunk.stop]), strict=False):
        noise[start:stop] |= gone
    for span in wanted:
        noise[span.start - chunk.start : span.stop - chunk.start] = True
    return noise
