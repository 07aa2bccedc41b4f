"""What a report is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.samples import ShardTexts


@dataclass(frozen=True, slots=True)
class RefinerCard:
    """What is shown of a refiner: its ``prox.json`` and its curves, as they were read."""

    info: Mapping[str, Any]
    curves: Mapping[str, Any]

    @property
    def task(self) -> str:
        """``document`` or ``chunk``."""
        return str(self.info["task"])

    def threshold(self, name: str) -> float | None:
        """One of the thresholds, where it is set."""
        value = self.info["thresholds"].get(name)
        return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class CheckedShard:
    """The expectations of one asset on one shard."""

    asset: str
    shard: str
    outcomes: tuple[ExpectationOutcome, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Something to go to from the report; `href` is relative to it, or whole."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What a report is made of.

    `database`: the statistics database. `shards`: where texts may be sampled from. `thresholds`: those that
    replaced the refiners' own when programs were executed. `evaluation`: the
    refiners' scores against truth, as the file of `refiner_evaluation` has them; `removal`: what the whole
    pipeline took of held-out documents, in characters. `agreement`: what the file of `teacher_agreement` has.
    `warnings`: sentences for the headline on why the corpus is not to be used as it is.
    """

    domain: str
    database: Path
    shards: tuple[ShardTexts, ...]
    refiners: tuple[RefinerCard, ...] = ()
    thresholds: Mapping[str, float] | None = None
    evaluation: Mapping[str, Any] | None = None
    removal: Mapping[str, float] | None = None
    agreement: Mapping[str, Any] | None = None
    checks: tuple[CheckedShard, ...] = ()
    links: tuple[Link, ...] = ()
    warnings: tuple[str, ...] = ()
    sample_size: int = 100
    seed: int = 0

    def threshold(self, task: str, name: str) -> float | None:
        """The threshold that was in force."""
        moved = (self.thresholds or {}).get(name)
        own = next((card.threshold(name) for card in self.refiners if card.task == task), None)
        return own if moved is None else moved
