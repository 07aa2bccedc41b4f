"""Rounds of hard examples: committed folders that are never changed, and the rule that ends them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from prox_assets.documents.files import is_temporary, read_json

RECORD_FILE = "round.json"


class Step(StrEnum):
    """What there is to do: wait for refiners of the last round, make a round, or write down the end.

    `ENDED`: the end is on record. `DONE`: there are as many rounds as were asked for.
    """

    WAIT = "wait"
    GO = "go"
    STOP = "stop"
    ENDED = "ended"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Validation:
    """F1 of both refiners on their validation rows."""

    document: float
    chunk: float

    def gain_over(self, former: "Validation") -> float:
        """By how much the refiner that rose more has risen."""
        return max(self.document - former.document, self.chunk - former.chunk)


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """What is known of a round when it is made.

    `lineage` names the seeds and annotations it adds to, `before` the F1 of the refiners that it is meant to
    better. A record with `stopped` (why) is the end: it holds no examples.
    """

    number: int
    lineage: str
    before: Validation
    pool: int = 0
    examples: int = 0
    mean_disagreement: float = 0.0
    stopped: str = ""

    def to_json(self) -> dict[str, object]:
        """The record as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Round:
    """A finished round: its folder, the folder's fingerprint, and its record."""

    folder: Path
    fingerprint: str
    record: RoundRecord


def read_rounds(folder: Path, lineage: str) -> tuple[Round, ...]:
    """The finished rounds of a lineage below an asset's folder by number; a record of the end comes last."""
    paths = (path for path in folder.glob(f"*/{RECORD_FILE}") if not is_temporary(path.parent))
    found = [_read(path) for path in paths]
    mine = [one for one in found if one.record.lineage == lineage]
    return tuple(sorted(mine, key=lambda one: (one.record.number, one.fingerprint)))


def with_examples(rounds: Sequence[Round]) -> tuple[Round, ...]:
    """The rounds that give training something."""
    return tuple(one for one in rounds if not one.record.stopped)


def next_step(
    rounds: Sequence[Round], limit: int, min_gain: float, trained_on: Sequence[str] | None, now: Validation
) -> Step:
    """What to do after `rounds`.

    `trained_on` are the fingerprints of the rounds that the present refiners were trained on (None: they were
    trained on other seeds), `now` their validation F1. A round is judged by the refiners trained on it; until
    there are some, one waits.
    """
    made = with_examples(rounds)
    if len(made) < len(rounds):
        return Step.ENDED
    if trained_on is None or [one.fingerprint for one in made] != list(trained_on):
        return Step.WAIT
    if made and now.gain_over(made[-1].record.before) < min_gain:
        return Step.STOP
    return Step.GO if len(made) < limit else Step.DONE


def _read(path: Path) -> Round:
    values = read_json(path)
    record = RoundRecord(**{**values, "before": Validation(**values["before"])})
    return Round(path.parent, path.parent.name, record)
