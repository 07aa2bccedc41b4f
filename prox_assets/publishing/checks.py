"""What the checks say of the shards that are to be published."""

from collections.abc import Iterable
from dataclasses import dataclass

from prox_assets.documents.store import Store
from prox_assets.errors import StoreError
from prox_assets.publishing.rows import ShardStages
from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.rules import Severity
from prox_assets.quality.stored_outcomes import stored_outcomes


@dataclass(frozen=True, slots=True)
class CheckedShard:
    """The outcomes of one asset of one shard; None where it was not checked as it is."""

    asset: str
    shard: str
    outcomes: tuple[ExpectationOutcome, ...] | None

    @property
    def failed(self) -> tuple[ExpectationOutcome, ...]:
        """Those that did not hold."""
        return tuple(outcome for outcome in self.outcomes or () if not outcome.success)


def checked_shards(store: Store, shards: Iterable[ShardStages]) -> list[CheckedShard]:
    """What was found of every stage that is published."""
    return [
        CheckedShard(stage.key.asset, shard.name, stored_outcomes(store, stage))
        for shard in shards
        for stage in (shard.raw, shard.documents, shard.refined)
    ]


def require_sound(store: Store, shards: Iterable[ShardStages]) -> None:
    """Refuse shards of which a critical check failed.

    Raises:
        StoreError: names them.
    """
    broken = [
        f"{checked.asset} of {checked.shard}: {outcome.name} ({outcome.observed})"
        for checked in checked_shards(store, shards)
        for outcome in checked.failed
        if outcome.severity is Severity.CRITICAL
    ]
    if broken:
        raise StoreError(f"nothing is published while critical checks fail: {'; '.join(broken[:5])}.")


def check_states(store: Store, shards: Iterable[ShardStages]) -> dict[str, list[str] | None]:
    """The checks that failed on each stage of each shard; None where it was not checked as it is."""
    return {
        f"{one.asset}|{one.shard}": None if one.outcomes is None else [failed.name for failed in one.failed]
        for one in checked_shards(store, shards)
    }
