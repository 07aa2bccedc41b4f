"""Plan and request backfills: missing and stale shards of a domain, in order, within a budget."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from prox_assets.config import Backfill, Domain
from prox_assets.defs.partitions import SHARDS, partition_key
from prox_assets.defs.runs.multi_partition import dimensions, failed_check
from prox_assets.documents.store import ShardKey, Store
from prox_assets.errors import StoreError
from prox_assets.refining.staleness import present_settings, stale_shards

REFINED = (
    "doc_programs",
    "doc_refined_corpus",
    "chunk_programs",
    "chunk_refined_corpus",
    "rule_filtered_corpus",
    "corpus_statistics",
)
"""What refining a shard makes."""


def request_backfill(
    instance: dg.DagsterInstance, domain: str, shards: Sequence[str], title: str, tags: Mapping[str, str]
) -> str:
    """Have the daemon refine shards of a domain, a run for each stretch of neighbours; returns an id.

    The same as a backfill from the UI, so it keeps to the assets' backfill policy, which
    `dagster job backfill` does not. The classes are Dagster's own and private, and pinned with it.
    """
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=make_new_backfill_id(),
        asset_graph=_graph(),
        partition_names=[str(partition_key(domain, shard)) for shard in shards],
        asset_selection=[dg.AssetKey(asset) for asset in REFINED],
        backfill_timestamp=time.time(),
        tags=dict(tags),
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=title,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def requested_shards(instance: dg.DagsterInstance, domain: str) -> set[str]:
    """The shards of a domain that unfinished backfills are over, whether their runs are there yet or not."""
    wanted = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])
    found: set[str] = set()
    for backfill in instance.get_backfills(filters=wanted):
        if backfill.asset_backfill_data is None:
            continue
        for subset in backfill.asset_backfill_data.target_subset.partitions_subsets_by_asset_key.values():
            keys = (key.split("|", 1) for key in subset.get_partition_keys() if key.startswith(f"{domain}|"))
            found.update(shard for _, shard in keys)
    return found


def _graph() -> AssetGraph:
    from prox_assets.defs.assets.baselines import rule_filtered_corpus
    from prox_assets.defs.assets.corpus import raw_documents
    from prox_assets.defs.assets.refinement import (
        chunk_programs,
        chunk_refined_corpus,
        doc_programs,
        doc_refined_corpus,
    )
    from prox_assets.defs.assets.reporting import corpus_statistics

    return AssetGraph.from_assets(
        [
            raw_documents,
            doc_programs,
            doc_refined_corpus,
            chunk_programs,
            chunk_refined_corpus,
            rule_filtered_corpus,
            corpus_statistics,
        ]
    )


NIGHTLY_TAG = "prox/nightly"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_PARTITION = "dagster/partition"
_TIMED_SHARDS = 20
_RUNS_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class ShardRange:
    """Neighbouring shards of one run, in the order of Dagster's partitions."""

    domain: str
    shards: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, str]:
        """The partition keys of the first and the last."""
        return str(partition_key(self.domain, self.shards[0])), str(
            partition_key(self.domain, self.shards[-1])
        )

    @property
    def tags(self) -> dict[str, str]:
        """What makes a run one over this range."""
        first, last = self.ends
        return {RANGE_START: first, RANGE_END: last}


@dataclass(frozen=True, slots=True)
class DomainState:
    """The shards of a domain by what they are; every list newest first.

    `stale` gives the reasons, `given_up` the number of failed tries, `bad` the blocking check that failed.
    """

    domain: str
    order: tuple[str, ...]
    done: frozenset[str]
    missing: tuple[str, ...]
    stale: Mapping[str, tuple[str, ...]]
    running: frozenset[str]
    attempts: Mapping[str, int]
    bad: Mapping[str, str]
    unready: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask for, and why other shards are left: for people to read."""

    state: DomainState
    ranges: tuple[ShardRange, ...] = ()
    left: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    device_hours: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def shards(self) -> int:
        """How many shards are asked for."""
        return sum(len(one.shards) for one in self.ranges)

    def sentence(self) -> str:
        """One line for the log of a tick."""
        state = self.state
        if state.unready:
            return f"{state.domain}: {state.unready}"
        cost = "" if self.device_hours is None else f", about {self.device_hours:.2f} device hours"
        parts = [
            f"{counted(self.shards, 'shard')} asked for in {counted(len(self.ranges), 'run')}{cost}",
            f"{len(state.done)} done",
            f"{len(state.running)} in progress",
            f"{len(self.left)} left for another time",
            f"{len(state.stale)} stale{_counted(state.stale.values())}",
        ]
        if self.given_up:
            parts.append(f"given up after too many tries: {_named(self.given_up)}")
        if state.bad:
            parts.append(f"stopped by a blocking check: {_named(tuple(state.bad))}")
        return f"{state.domain}: " + "; ".join([*parts, *self.notes])


def state_of(instance: dg.DagsterInstance, store: Store, domain: str, section: Domain) -> DomainState:
    """Look at what Dagster and the store know of a domain's shards. Cheap: no model, no data is read."""
    order = tuple(instance.get_dynamic_partitions(SHARDS))
    read = _latest_first(instance, "raw_documents", domain)
    done = _done(instance, domain) & set(read)
    missing = tuple(shard for shard in read if shard not in done)
    bad = {
        shard: reason for shard in missing if (reason := failed_check(store, "raw_documents", domain, shard))
    }
    try:
        now = present_settings(store, domain, section)
    except StoreError as error:
        return DomainState(domain, order, done, missing, {}, frozenset(), {}, bad, str(error))
    stale = stale_shards(store, domain, [shard for shard in read if shard in done], now)
    running = frozenset(_covered(_unfinished(instance), domain, order)) | requested_shards(instance, domain)
    attempts = Counter(_covered(_ended_nights(instance, domain), domain, order))
    return DomainState(domain, order, done, missing, stale, running, attempts, bad)


def plan(state: DomainState, budget: Backfill, seconds: Mapping[str, float] | None) -> Plan:
    """Choose shards within the budget and cut them into ranges.

    `seconds` of the device for each shard; None where nothing is known yet: then only shards are counted.
    """
    if state.unready:
        return Plan(state)
    ordered = list(state.missing) + (list(state.stale) if budget.refine_again else [])
    if budget.order == "oldest_first":
        missing, stale = list(state.missing)[::-1], list(state.stale)[::-1]
        ordered = missing + (stale if budget.refine_again else [])
    free = [shard for shard in ordered if shard not in state.running and shard not in state.bad]
    given_up = tuple(shard for shard in free if state.attempts.get(shard, 0) >= budget.max_attempts)
    wanted = [shard for shard in free if shard not in given_up]
    chosen, spent = _within(wanted, budget, seconds)
    notes: tuple[str, ...] = ()
    if budget.gpu_hours is not None and seconds is None:
        notes = ("what a shard costs is not known yet, so the budget is that of shards alone",)
    return Plan(
        state,
        tuple(ranges(state, chosen, budget.shards_per_run)),
        tuple(shard for shard in wanted if shard not in chosen),
        given_up,
        None if seconds is None else spent / 3600,
        notes,
    )


def ranges(state: DomainState, chosen: Sequence[str], longest: int) -> Iterator[ShardRange]:
    """Cut shards into neighbours, the run of the first chosen one first.

    Partitions that are shards of other domains only lie between neighbours and divide nothing.
    """
    rank = {shard: place for place, shard in enumerate(chosen)}
    known = state.done | set(state.missing)
    runs: list[list[str]] = [[]]
    for shard in state.order:
        if shard in rank and len(runs[-1]) < longest:
            runs[-1].append(shard)
        elif shard in rank:
            runs.append([shard])
        elif shard in known and runs[-1]:
            runs.append([])
    filled = sorted((run for run in runs if run), key=lambda run: min(rank[shard] for shard in run))
    yield from (ShardRange(state.domain, tuple(run)) for run in filled)


def device_seconds(instance: dg.DagsterInstance, store: Store, state: DomainState) -> dict[str, float] | None:
    """What each shard that is not done will take of a device.

    From what the last refined shards cost for each document; else from `refining_estimate`; else None.
    """
    rate = _rate_of_done(store, state) or _rate_of_estimate(instance, state.domain)
    if rate is None:
        return None
    return {
        shard: rate * sum(store.manifest(ShardKey(state.domain, "raw_documents", shard))["parts"].values())
        for shard in (*state.missing, *state.stale)
    }


def _rate_of_done(store: Store, state: DomainState) -> float | None:
    seconds = documents = 0.0
    for shard in [name for name in state.order if name in state.done][-_TIMED_SHARDS:]:
        stages = [
            store.shard(ShardKey(state.domain, one, shard)) for one in ("doc_programs", "chunk_programs")
        ]
        seconds += sum(cost.get("device_seconds", 0.0) for stage in stages for cost in stage.costs())
        documents += store.shard(ShardKey(state.domain, "raw_documents", shard)).rows
    return seconds / documents if documents else None


def _rate_of_estimate(instance: dg.DagsterInstance, domain: str) -> float | None:
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey("refining_estimate"), asset_partitions=[domain])
    found = instance.fetch_materializations(wanted, limit=1).records
    if not found or found[0].asset_materialization is None:
        return None
    metadata = found[0].asset_materialization.metadata
    hours, documents = (metadata[name].value for name in ("device_hours", "documents_left"))
    return float(hours) * 3600 / int(documents) if documents else None  # type: ignore[arg-type]


def _within(
    wanted: Sequence[str], budget: Backfill, seconds: Mapping[str, float] | None
) -> tuple[list[str], float]:
    limit = float("inf") if budget.gpu_hours is None else budget.gpu_hours * 3600
    chosen: list[str] = []
    spent = 0.0
    for shard in wanted[: budget.max_shards]:
        cost = seconds.get(shard, 0.0) if seconds else 0.0
        if chosen and spent + cost > limit:
            break
        chosen.append(shard)
        spent += cost
    return chosen, spent


def _latest_first(instance: dg.DagsterInstance, asset: str, domain: str) -> list[str]:
    """The domain's materialized shards of an asset, the latest materialization first."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        dg.AssetKey(asset), dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    own = [(event, dimensions(key)) for key, event in latest.items() if key.startswith(f"{domain}|")]
    return [shard for _, (_, shard) in sorted(own, reverse=True)]


def _done(instance: dg.DagsterInstance, domain: str) -> frozenset[str]:
    keys = [instance.get_materialized_partitions(dg.AssetKey(asset)) for asset in REFINED]
    return frozenset(dimensions(key)[1] for key in set.intersection(*keys) if key.startswith(f"{domain}|"))


def _unfinished(instance: dg.DagsterInstance) -> Iterable[Mapping[str, str]]:
    statuses = [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    return [run.tags for run in instance.get_runs(dg.RunsFilter(statuses=statuses))]


def _ended_nights(instance: dg.DagsterInstance, domain: str) -> Iterable[Mapping[str, str]]:
    """The nightly runs of a domain that failed or were cancelled."""
    statuses = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    wanted = dg.RunsFilter(statuses=statuses, tags={NIGHTLY_TAG: domain})
    return [run.tags for run in instance.get_runs(wanted, limit=_RUNS_LOOKED_AT)]


def _covered(runs: Iterable[Mapping[str, str]], domain: str, order: Sequence[str]) -> Iterator[str]:
    """The domain's shards that runs are over, by their tags; one of two runs is named twice."""
    place = {shard: number for number, shard in enumerate(order)}
    for tags in runs:
        ends = [tags.get(RANGE_START, ""), tags.get(RANGE_END, "")]
        if all(end.startswith(f"{domain}|") for end in ends):
            first, last = (place.get(dimensions(end)[1], -1) for end in ends)
            yield from order[first : last + 1] if first >= 0 else ()
        elif tags.get(_PARTITION, "").startswith(f"{domain}|"):
            yield dimensions(tags[_PARTITION])[1]


def counted(number: int, name: str) -> str:
    """A number of things in words."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _counted(reasons: Iterable[tuple[str, ...]]) -> str:
    counts = Counter(reason for some in reasons for reason in some)
    return f" ({', '.join(f'{name}: {count}' for name, count in counts.most_common())})" if counts else ""


def _named(shards: Sequence[str], most: int = 10) -> str:
    return ", ".join(shards[:most]) + (f" and {len(shards) - most} more" if len(shards) > most else "")
