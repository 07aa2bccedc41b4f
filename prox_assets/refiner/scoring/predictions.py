"""From scores to programs: what a scoring refiner says of documents and chunks. Needs no model."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np

from prox_assets.arrays import Bools
from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs import render
from prox_assets.programs.program import Call, Program
from prox_assets.programs.rails import Rails
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.scoring.span_calls import InnerSpans, name_spans
from prox_assets.refiner.scoring.windows import NoiseSpan, Window, inner_spans, line_scores, noisy_spans
from prox_assets.refiner.thresholds import Calibration

_DEFAULT_RAILS = Rails()


@dataclass(frozen=True, slots=True)
class ScoredProgram:
    """A chunk's program with a score for each call, and how many noisy spans no call could delete.

    The score of `remove_lines` is the mean over its lines, that of `normalize` over its spans, that of
    `keep_chunk` one minus the highest line score. `inner` are the spans that were deleted in the place of
    one around them, which no call could delete.
    """

    program: Program
    scores: tuple[float, ...]
    unnamed_spans: int = 0
    inner: tuple[NoiseSpan, ...] = ()


def edit_program(
    text: str,
    chunk: Chunk,
    line_scores: Sequence[float],
    spans: Sequence[NoiseSpan],
    thresholds: ChunkThresholds,
    rails: Rails = _DEFAULT_RAILS,
    inner: InnerSpans | None = None,
) -> ScoredProgram:
    """Write the program of one chunk of `text`.

    Runs of lines that reach the line threshold become `remove_lines`; a span that reaches the span threshold
    in another line becomes `normalize`, longest first, where a call can delete it and nothing that is not
    noise (`naming.py`). `spans` are those of `lines.noisy_spans`, found at this span threshold or a lower
    one; `inner` gives the noisier ones inside a span. A higher line or span threshold never removes more.
    """
    removed = [score >= thresholds.line for score in line_scores]
    lines = [(chunk.start + start, chunk.start + stop) for start, stop in line_spans(_owned(text, chunk))]
    calls = list(_line_calls(chunk.line_start, line_scores, removed))
    wanted = _wanted([start for start, _ in lines], removed, spans, thresholds)
    long_enough = None if inner is None else lambda span: _long_enough(inner(span), thresholds)
    named = name_spans(text, chunk, _gone(chunk, lines, removed), wanted, rails, long_enough)
    calls += _span_calls([(call, one.span.score) for one in named for call in one.calls])
    calls = calls or [(Call("keep_chunk"), 1 - max(line_scores, default=0.0))]
    outer = {one.span for one in named} & set(wanted)
    return ScoredProgram(
        Program(tuple(call for call, _ in calls)),
        tuple(float(score) for _, score in calls),
        sum(span not in outer and not _inside(span, outer) for span in wanted),
        tuple(one.span for one in named if one.span not in outer),
    )


def _owned(text: str, chunk: Chunk) -> str:
    return text[chunk.start : chunk.stop]


def _inside(span: NoiseSpan, others: Iterable[NoiseSpan]) -> bool:
    return any(other.start <= span.start and span.stop <= other.stop for other in others)


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
    starts: Sequence[int],
    removed: Sequence[bool],
    spans: Sequence[NoiseSpan],
    thresholds: ChunkThresholds,
) -> list[NoiseSpan]:
    """Pick the spans that are to go from the lines, which begin at `starts`, that stay."""
    if thresholds.span is None:
        return []
    return [
        span
        for span in _long_enough(spans, thresholds)
        if span.score >= thresholds.span
        and not removed[int(np.searchsorted(starts, span.start, side="right")) - 1]
    ]


def _long_enough(spans: Sequence[NoiseSpan], thresholds: ChunkThresholds) -> list[NoiseSpan]:
    return [span for span in spans if span.stop - span.start >= thresholds.min_span_chars]


def _gone(chunk: Chunk, lines: Sequence[tuple[int, int]], removed: Sequence[bool]) -> Bools:
    """Which characters of the chunk go with their lines, `(characters of the chunk,)`."""
    gone = np.zeros(chunk.stop - chunk.start, dtype=np.bool_)
    for goes, (start, stop) in zip(removed, lines, strict=False):
        gone[start - chunk.start : stop - chunk.start] = goes
    return gone


NOT_A_NUMBER = "the model's score is not a number"


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """A document's keep probability; `n_tokens` it has, `n_tokens_seen` the model saw (specials not
    counted).
    """

    keep_probability: float
    n_tokens: int
    n_tokens_seen: int

    @property
    def failure(self) -> str | None:
        """Why nothing can be decided on the document; None where it can."""
        if not self.n_tokens_seen:
            return "the text has no tokens"
        return None if math.isfinite(self.keep_probability) else NOT_A_NUMBER


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What the model says of one chunk, and the program that follows at the refiner's thresholds.

    `line_scores`: noise score of each of the chunk's lines. `spans`: runs of noisy tokens, in characters of
    the document, in all lines; and the runs inside a run that no call can delete which go in its place.
    `call_scores`: one a call of the program. `unnamed_spans`: spans that no call could delete alone.
    `error`: what went wrong while the program was written, if anything did; `failed` where there is no
    program because of it.
    """

    chunk: Chunk
    n_tokens: int
    line_scores: tuple[float, ...]
    spans: tuple[NoiseSpan, ...]
    program_text: str
    call_scores: tuple[float, ...]
    unnamed_spans: int
    error: str | None = None
    failed: bool = False


def document_program(score: DocumentScore, thresholds: DocumentThresholds) -> str:
    """The program of a scored document, `keep_doc()` or `drop_doc()`; empty where the refiner failed."""
    if score.failure:
        return ""
    keep = score.keep_probability >= thresholds.keep
    return render(Program((Call("keep_doc" if keep else "drop_doc"),)))


def chunk_result(
    text: str,
    window: Window,
    probabilities: Floats,
    thresholds: ChunkThresholds,
    calibration: Calibration,
) -> ChunkResult:
    """The program that follows from the noise probabilities of a window's tokens, `(tokens,)`.

    Where one of them is not a number the refiner failed on the chunk: it has no program and no scores.
    """
    if not np.isfinite(probabilities).all():
        return ChunkResult(
            window.chunk, len(window.tokens), (), (), "", (), 0, error=NOT_A_NUMBER, failed=True
        )
    lines = calibration(line_scores(window, probabilities)).tolist()
    threshold = thresholds.span
    spans = [] if threshold is None else noisy_spans(text, window, probabilities, threshold)
    inner = partial(inner_spans, text, window, probabilities)
    written: ScoredProgram = edit_program(text, window.chunk, lines, spans, thresholds, inner=inner)
    return ChunkResult(
        window.chunk,
        len(window.tokens),
        tuple(lines),
        (*spans, *written.inner),
        render(written.program),
        written.scores,
        written.unnamed_spans,
    )
