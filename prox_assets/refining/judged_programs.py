"""What the programs of labelled documents do when they are executed, and how many are malformed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prox_assets.chunking import Chunk
from prox_assets.programs import Execution, Outcome, Rails, Stage, Status, execute_chunks, parse
from prox_assets.refiner.metrics import Bools


@dataclass(frozen=True, slots=True)
class ProgramMetrics:
    """How chunk programs fared: a malformed one has something that the parser refused; of the calls,
    `unapplied_share` changed nothing when they ran (no match, out of range, a guard rail).
    """

    n_programs: int
    malformed_share: float
    n_calls: int
    unapplied_share: float


@dataclass(frozen=True, slots=True)
class JudgedPrograms:
    """The programs of one document: what they removed, `(characters,)`, and how many of them and of their
    edits were no good.
    """

    removed: Bools
    n_programs: int
    n_malformed: int
    n_edits: int
    n_unapplied: int


def judge_programs(text: str, programs: Sequence[tuple[Chunk, str]], rails: Rails) -> JudgedPrograms:
    """Execute the programs of one document as the corpus stage does."""
    parsed = [(chunk, parse(program, Stage.CHUNK)) for chunk, program in programs]
    done = execute_chunks(text, [(chunk, program, None) for chunk, program in parsed], rails)
    return JudgedPrograms(
        _removed(done, len(text)),
        len(parsed),
        sum(bool(program.refusals) for _, program in parsed),
        len(done.edits),
        sum(edit.outcome not in (Outcome.APPLIED, Outcome.KEPT) for edit in done.edits),
    )


def program_metrics(judged: Sequence[JudgedPrograms]) -> ProgramMetrics:
    """The metrics over all documents."""
    programs, edits = sum(one.n_programs for one in judged), sum(one.n_edits for one in judged)
    return ProgramMetrics(
        programs,
        sum(one.n_malformed for one in judged) / max(programs, 1),
        edits,
        sum(one.n_unapplied for one in judged) / max(edits, 1),
    )


def _removed(done: Execution, length: int) -> Bools:
    gone = np.full(length, done.status is not Status.KEPT, dtype=np.bool_)
    for edit in done.edits:
        if edit.outcome == Outcome.APPLIED:
            gone[edit.start : edit.stop] = True
    return gone
