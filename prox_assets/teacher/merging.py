"""Several programs for one chunk, from passes that each looked for one kind of noise, as one program."""

from collections.abc import Sequence

from prox_assets.chunking import Chunk
from prox_assets.programs import Outcome, Program, keep_chunk, removed_line_numbers, removing, render_call
from prox_assets.teacher.validation import RefusedCall, Validated, validated


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
