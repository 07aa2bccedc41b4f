"""Validation before belief: a call counts only if it does something to its own chunk."""

from dataclasses import dataclass, replace

from prox_assets.chunking import Chunk
from prox_assets.programs import Beyond, Outcome, Program, Rails, execute_chunks, render_call

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
