"""What a scoring refiner says of documents and chunks, and the programs that follow. Needs no model."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from prox_assets.chunking import Chunk
from prox_assets.programs import render
from prox_assets.programs.program import Call, Program
from prox_assets.refiner.calibration import Calibration
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refiner.editing import ScoredProgram, edit_program
from prox_assets.refiner.lines import NoiseSpan, inner_spans, line_scores, noisy_spans
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.windows import Window

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
