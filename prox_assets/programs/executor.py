"""Executing programs: from a document and its programs to the refined text and the record of every edit."""

from collections.abc import Iterable
from dataclasses import dataclass

from prox_assets.programs.chunk_executor import ChunkRun, Scores
from prox_assets.programs.codes import Outcome, Reason, Status, Verdict
from prox_assets.programs.edits import Edit, applied
from prox_assets.programs.guarding import close_last_line, guard
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Program, Stage
from prox_assets.programs.rails import Rails
from prox_assets.programs.registry import Registry, Touches
from prox_assets.programs.scope import Lines, Scope, Window

_RAILS = Rails()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a document program decides. Anything but a clear drop keeps the document."""

    keep: bool
    outcome: Verdict


@dataclass(frozen=True, slots=True)
class Execution:
    """A document after its chunk programs: the text, the record, and what became of it."""

    text: str
    edits: tuple[Edit, ...]
    status: Status
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """The window of a call that acts on a document as a whole."""

    index: int = 0
    line_start: int = 0
    line_stop: int = 0
    start: int = 0
    stop: int = 0
    context_lines: int = 0


def execute_document(program: Program, registry: Registry = REGISTRY) -> Decision:
    """Decide by a document program: drop where all its calls say drop, keep otherwise. Never raises."""
    scope = Scope("", _Nowhere(), _RAILS)
    said = []
    for call in program.calls:
        spec = registry.spec(call.name)
        if spec.stage is Stage.DOCUMENT:
            said.append(spec.forms[call.form].act(scope, call.arguments) is Outcome.DROPPED)
    if not said:
        return Decision(True, Verdict.NO_DECISION)
    if all(said):
        return Decision(False, Verdict.DROP)
    return Decision(True, Verdict.CONTRADICTORY if any(said) else Verdict.KEEP)


def execute_chunks(
    text: str,
    programs: Iterable[tuple[Window, Program, Scores]],
    rails: Rails = _RAILS,
    registry: Registry = REGISTRY,
) -> Execution:
    """Execute the programs of a document's chunks, each with one score a call or None.

    Every call acts on the source text. Chunks own disjoint parts of the document, as `chunk_lines` makes
    them. The record holds every call, applied or not, and every refusal. Never raises for a program.
    """
    edits: list[Edit] = []
    ends = False
    for chunk, program, scores in programs:
        run = ChunkRun(text, chunk, rails, scores)
        edits += run.edits(program, registry)
        ends = ends or run.ends_document()
    changes = applied(edits)
    if not changes:
        return Execution(text, tuple(edits), Status.KEPT, Reason.NONE)
    if ends:
        close_last_line(text, edits, changes)
    refined, record, status, reason = guard(text, edits, changes, rails)
    return Execution(refined, tuple(record), status, reason)


def removed_line_numbers(program: Program, chunk: Window, registry: Registry = REGISTRY) -> list[int]:
    """List the lines a chunk program would delete, in the document's numbers: what line F1 compares."""
    scope = Scope("", chunk, _RAILS)
    removed: set[int] = set()
    for call in program.calls:
        spec = registry.spec(call.name)
        if spec.stage is Stage.CHUNK and spec.touches is Touches.LINES:
            effect = spec.forms[call.form].act(scope, call.arguments)
            if isinstance(effect, Lines):
                removed.update(range(effect.first, effect.last + 1))
    return sorted(removed)
