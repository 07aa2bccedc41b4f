"""What a refiner should write for a chunk: the canonical program that removes what the labels call noise."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs import (
    Beyond,
    Call,
    Outcome,
    Program,
    Rails,
    Stage,
    execute_chunks,
    parse,
    render,
    shifted,
)
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.editing import edit_program
from prox_assets.refiner.examples import LabelledText, character_labels
from prox_assets.refiner.generative.layout import first_label
from prox_assets.refiner.lines import NoiseSpan, fill_blank
from prox_assets.refiner.visible import Bools, visible

_CERTAIN = ChunkThresholds(line=0.5, span=0.5, min_span_chars=1)
_UNJUDGED_SHARE = 0.2


def chunk_target(row: LabelledText, program: str, chunk: Chunk) -> str | None:
    """The answer for one chunk, with the labels that its lines are shown with.

    A line goes where all its visible characters are noise, a blank one between two that go with them; noise
    inside other lines becomes `normalize(span, "")` where a call can name it. Of the document's `program` the
    replacements that act in the chunk are added. None where more than a fifth of what is visible was judged
    by nobody: the answer would call it clean.
    """
    shown, labels = (
        visible(row.text)[chunk.start : chunk.stop],
        character_labels(row)[chunk.start : chunk.stop],
    )
    if (labels[shown] < 0).sum() > _UNJUDGED_SHARE * shown.sum():
        return None
    noise = labels == 1
    lines = [slice(*span) for span in line_spans(row.text[chunk.start : chunk.stop])]
    scores = fill_blank(np.array([_score(noise[line], shown[line]) for line in lines])).tolist()
    spans = [span for line in lines for span in _spans(noise, shown, line, chunk.start)]
    written = edit_program(row.text, chunk, scores[: chunk.line_stop - chunk.line_start], spans, _CERTAIN)
    calls = (
        *(call for call in written.program.calls if call.name != "keep_chunk"),
        *_replacements(row.text, program, chunk),
    )
    by = first_label(chunk) - chunk.line_start
    return render(shifted(Program(calls or written.program.calls), by))


def _score(noise: Bools, shown: Bools) -> float:
    return float(noise[shown].all()) if shown.any() else float("nan")


def _spans(noise: Bools, shown: Bools, line: slice, offset: int) -> list[NoiseSpan]:
    """The runs of noise in a line that begin and end at visible characters."""
    places = [place for place in range(line.start, line.stop) if shown[place]]
    runs = [list(run) for gone, run in groupby(places, key=lambda place: bool(noise[place])) if gone]
    return [NoiseSpan(offset + run[0], offset + run[-1] + 1, 1.0) for run in runs]


def _replacements(text: str, program: str, chunk: Chunk) -> Sequence[Call]:
    calls = [
        c for c in parse(program, Stage.CHUNK).calls if c.name == "normalize" and c.arguments[1:] > ("",)
    ]
    return [call for call in dict.fromkeys(calls) if _acts(text, call, chunk)]


def _acts(text: str, call: Call, chunk: Chunk) -> bool:
    done = execute_chunks(
        text, [(chunk, Program((call,)), None)], Rails(max_added_share=1.0, beyond=Beyond.RESTORE)
    )
    return any(edit.outcome == Outcome.APPLIED for edit in done.edits)
