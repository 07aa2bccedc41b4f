"""From marks on a document (noise lines and spans, lines to ignore) to a checked program a chunk."""

from collections.abc import Iterator
from dataclasses import dataclass

from prox_assets.chunking import Chunk, chunk_lines, line_spans, whole
from prox_assets.programs import (
    Call,
    Outcome,
    Program,
    Rails,
    keep_chunk,
    normalize,
    removing,
    render_call,
)
from prox_assets.programs.actions import Scope
from prox_assets.teacher.validation import RefusedCall, Validated, validated

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marks:
    """What a teacher found in a document.

    `noise` and `ignored` are line numbers; `spans` are noise inside other lines, as half-open characters of
    the document that do not cross a line end.
    """

    noise: frozenset[int] = frozenset()
    spans: tuple[Span, ...] = ()
    ignored: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ChunkProgram:
    """A chunk, the program that is believed of it, and its lines that must neither train nor score."""

    chunk: Chunk
    validated: Validated
    ignored: tuple[int, ...]


def chunk_programs(text: str, marks: Marks, chunk_chars: int) -> Iterator[ChunkProgram]:
    """Cut a document into chunks of at most `chunk_chars` characters and write the program of each."""
    for chunk in chunk_lines(text, range(len(text)), chunk_chars) or [whole(text)]:
        ignored = tuple(sorted(line for line in marks.ignored if chunk.line_start <= line < chunk.line_stop))
        yield ChunkProgram(chunk, _program(text, chunk, marks), ignored)


def _program(text: str, chunk: Chunk, marks: Marks) -> Validated:
    lines = [line for line in range(chunk.line_start, chunk.line_stop) if line in marks.noise]
    removals = removing(lines).calls if lines else ()
    calls, refused = _span_calls(text, chunk, marks)
    checked = validated(text, chunk, Program((*removals, *calls)))
    program = checked.program if checked.program.calls else Program((keep_chunk(),))
    return Validated(program, (*checked.refused, *refused))


def _span_calls(text: str, chunk: Chunk, marks: Marks) -> tuple[list[Call], list[RefusedCall]]:
    """Calls that delete the spans of a chunk and nothing else, the longest first; and those that cannot."""
    owned = _owned(chunk, marks.spans)
    if not owned:
        return [], []
    ends = line_spans(text)
    free = [*owned, *(ends[line] for line in marks.noise if chunk.line_start <= line < chunk.line_stop)]
    scope = Scope(text, chunk, Rails())
    calls: dict[Call, None] = {}
    refused: list[RefusedCall] = []
    for line in range(chunk.line_start, chunk.line_stop):
        bounds = (max(ends[line][0], chunk.start), min(ends[line][1], chunk.stop))
        inside = [span for span in owned if bounds[0] <= span[0] and span[1] <= bounds[1]]
        if not inside or line in marks.noise:
            continue
        for call in _calls_of_line(scope, bounds, inside, free):
            if _hits_only(scope, call, [*free, bounds]):
                calls[call] = None
            else:
                refused.append(RefusedCall(render_call(call), Outcome.AMBIGUOUS))
    return sorted(calls, key=lambda call: -len(str(call.arguments[0]))), refused


def _owned(chunk: Chunk, spans: tuple[Span, ...]) -> list[Span]:
    cut = ((max(start, chunk.start), min(stop, chunk.stop)) for start, stop in spans)
    return [(start, stop) for start, stop in cut if start < stop]


def _calls_of_line(scope: Scope, bounds: Span, spans: list[Span], free: list[Span]) -> list[Call]:
    """One deletion a span; where one of them would also hit other text, one rewriting of the whole line."""
    text = scope.text
    wanted = [text[start:stop] for start, stop in spans]
    alone = [normalize(piece) for piece in wanted if not piece.isspace()]
    if len(alone) == len(wanted) and all(_hits_only(scope, call, free) for call in alone):
        return alone
    line = text[bounds[0] : bounds[1]]
    rest, at = "", bounds[0]
    for start, stop in sorted(spans):
        rest, at = rest + text[at:start], max(at, stop)
    rest += text[at : bounds[1]]
    return [normalize(line, rest)] if not line.isspace() else []


def _hits_only(scope: Scope, call: Call, free: list[Span]) -> bool:
    source = str(call.arguments[0])
    found = scope.matches(source, scope.chunk.start, scope.chunk.stop)
    if isinstance(found, Outcome):
        return False
    return all(any(start <= at and at + len(source) <= stop for start, stop in free) for at in found)


def noise_of_spans(lines: list[tuple[int, int, int]], text: str) -> tuple[Span, ...]:
    """Spans given as (line, start, stop) in their lines, as characters of the document."""
    starts = [start for start, _ in line_spans(text)]
    return tuple((starts[line] + start, starts[line] + stop) for line, start, stop in lines)
