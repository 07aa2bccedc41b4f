"""Annotations: marks on a document become a validated program a chunk, in rows of one form."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from prox_assets.chunking import Chunk, chunk_lines, line_spans, whole
from prox_assets.programs import (
    Beyond,
    Call,
    Outcome,
    Program,
    Rails,
    execute_chunks,
    keep_chunk,
    normalize,
    removed_line_numbers,
    removing,
    render,
    render_call,
)
from prox_assets.programs.actions import Scope
from prox_assets.teacher.interface import (
    ANNOTATED,
    CHUNK_ANNOTATIONS,
    DOC_ANNOTATIONS,
)

_BELIEVED = frozenset({Outcome.APPLIED, Outcome.KEPT})


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was not believed: its text (or its name where it could not be read) and the code why."""

    call: str
    code: str


@dataclass(frozen=True, slots=True)
class Validated:
    """The calls of a program that hold for their chunk, and the others."""

    program: Program
    refused: tuple[RefusedCall, ...]


def validated(text: str, chunk: Chunk, program: Program, max_removed_share: float = 1.0) -> Validated:
    """Try a program on its chunk and keep the calls that act there.

    A call is refused with the executor's outcome: its lines are not in the chunk, its string is not there, it
    repeats another call or lies under it, or all calls together remove more than `max_removed_share` of the
    chunk. Calls that the parser refused keep the parser's code.
    """
    rails = Rails(
        max_removed_share=1.0,
        max_added_share=1.0,
        min_kept_chars=0,
        max_chunk_removed_share=max_removed_share,
        beyond=Beyond.RESTORE,
    )
    record = execute_chunks(text, [(chunk, replace(program, refusals=()), None)], rails).edits
    outcomes: dict[int, set[str]] = {}
    for edit in record:
        outcomes.setdefault(edit.position, set()).add(edit.outcome)
    believed, refused = [], [RefusedCall(refusal.call, refusal.code) for refusal in program.refusals]
    for position, call in enumerate(program.calls):
        found = outcomes.get(position, {Outcome.NO_MATCH})
        if found & _BELIEVED:
            believed.append(call)
        else:
            refused.append(RefusedCall(render_call(call), min(found)))
    return Validated(Program(tuple(believed)), tuple(refused))


def merged(text: str, chunk: Chunk, programs: Sequence[Program], max_removed_share: float) -> Validated:
    """Merge the passes over a chunk and validate the result against it.

    The rule: each pass is validated by itself, so that one bad pass costs the others nothing. Lines that any
    pass removes are removed. Of the other calls each is taken once, and of two that replace the same string
    the first has its way; what they aim at in removed lines is gone anyway. Where all together remove more
    than `max_removed_share` of the chunk's characters, the pass that removes most is left out (refused as
    over the guard rail), and so on until the rest fits.
    """
    passes = [validated(text, chunk, program) for program in programs]
    refused = [one for found in passes for one in found.refused]
    left = [found.program for found in passes]
    while True:
        program = _union(chunk, left)
        checked = validated(text, chunk, program, max_removed_share)
        over = [one for one in checked.refused if one.code == Outcome.OVER_GUARD_RAIL]
        if not over or len(left) <= 1:
            break
        worst = max(left, key=lambda one: len(removed_line_numbers(one, chunk)))
        left.remove(worst)
        refused += [RefusedCall(render_call(call), Outcome.OVER_GUARD_RAIL) for call in worst.calls]
    calls = checked.program.calls or (keep_chunk(),)
    covered = {
        Outcome.COVERED,
        Outcome.NO_MATCH,
        Outcome.OVERLAPS,
    }  # settled by another pass: nothing refused
    refused += [one for one in checked.refused if one.code not in covered]
    return Validated(Program(calls), tuple(refused))


def _union(chunk: Chunk, programs: Sequence[Program]) -> Program:
    lines = sorted({line for program in programs for line in removed_line_numbers(program, chunk)})
    calls = list(removing(lines).calls) if lines else []
    sources: set[object] = set()
    for call in (call for program in programs for call in program.calls):
        if call.name in ("remove_lines", "keep_chunk") or (call.name, call.arguments[0]) in sources:
            continue
        sources.add((call.name, call.arguments[0]))
        calls.append(call)
    return Program(tuple(calls))


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


Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signature:
    """What every row of a teacher carries: its name and the hash of what it went by."""

    teacher: str
    prompt_hash: str

    def verdict(self, status: str, error: str | None = None) -> Row:
        """The last columns of a row."""
        columns: Row = {"teacher": self.teacher, "prompt_hash": self.prompt_hash, "tokens": 0}
        return columns | {"status": status, "error": error}


def document_row(
    doc_id: str,
    keep: bool | None,
    justification: str,
    verdict: Row,
    educational_score: float | None = None,
    format_score: float | None = None,
) -> Row:
    """One row of doc_annotations."""
    return {
        "doc_id": doc_id,
        "educational_score": educational_score,
        "format_score": format_score,
        "justification": justification,
        "keep": keep,
    } | verdict


def silent_chunk_row(doc_id: str, text: str, verdict: Row) -> Row:
    """The one row of chunk_annotations of a seed without programs (unlabelled or failed)."""
    return _chunk_columns(doc_id, whole(text)) | {"program": "", "ignored_lines": [], "refused": []} | verdict


def chunk_rows(doc_id: str, text: str, marks: Marks, chunk_chars: int, signature: Signature) -> Iterable[Row]:
    """The rows of chunk_annotations of one seed: one a chunk, with the validated program."""
    for piece in chunk_programs(text, marks, chunk_chars):
        yield (
            _chunk_columns(doc_id, piece.chunk)
            | {
                "program": render(piece.validated.program),
                "ignored_lines": list(piece.ignored),
                "refused": [{"call": r.call, "code": str(r.code)} for r in piece.validated.refused],
            }
            | signature.verdict(ANNOTATED)
        )


def validated_chunk_row(doc_id: str, chunk: Chunk, validated: Validated, verdict: Row) -> Row:
    """One row of chunk_annotations: what is believed of a chunk, and the calls that are not."""
    return (
        _chunk_columns(doc_id, chunk)
        | {
            "program": render(validated.program),
            "ignored_lines": [],
            "refused": [{"call": r.call, "code": str(r.code)} for r in validated.refused],
        }
        | verdict
    )


def document_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as doc_annotations."""
    return pa.Table.from_pylist(list(rows), schema=DOC_ANNOTATIONS)


def chunk_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as chunk_annotations."""
    return pa.Table.from_pylist(list(rows), schema=CHUNK_ANNOTATIONS)


def _chunk_columns(doc_id: str, chunk: Chunk) -> Row:
    return {
        "doc_id": doc_id,
        "chunk_index": chunk.index,
        "line_start": chunk.line_start,
        "line_stop": chunk.line_stop,
        "start": chunk.start,
        "stop": chunk.stop,
    }
