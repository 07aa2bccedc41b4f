"""The sensor that finds new shards of a domain's inputs, makes them partitions and has them read."""

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from prox_assets.config import Catalogue, Input
from prox_assets.defs.partitions import SHARDS, CatalogueResource, partition_key, shards
from prox_assets.documents.discovery import Skipped, SkipReason
from prox_assets.documents.filesystem import FoundFile
from prox_assets.documents.formats.readers import missing_columns
from prox_assets.documents.formats.splits import footer
from prox_assets.documents.provenance import ReadPart, read_parts
from prox_assets.documents.sources import Arrival, GroupLog, Listing, ShardSource, arrived_shards
from prox_assets.documents.store import Store
from prox_assets.errors import InputError, ProxError, redact, redacted_errors

Reads = Mapping[str, tuple[ReadPart, ...]]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """`new`: shards that nobody has asked for, by name. `shards` counts all that are there."""

    shards: int
    new: tuple[ShardSource, ...]
    skipped: tuple[Skipped, ...]


def arrivals(
    inputs: Iterable[Input], log: GroupLog, now: float, reads: Reads, asked: frozenset[str]
) -> Arrivals:
    """Look at the inputs of a domain at `now`, seconds since 1970.

    `reads`: what was read of each place. `asked`: the shards that are read, or that somebody asked for.
    """
    listing = arrived_shards(inputs, log, Arrival(now, frozenset(reads)))
    skipped = [*listing.skipped, *_changed(listing, reads)]
    changed = {one.place for one in skipped if one.reason is SkipReason.CHANGED}
    new: list[ShardSource] = []
    for source in listing.shards:
        if source.name in asked or any(part.place in changed for part in source.parts):
            continue
        again = _read_elsewhere(source, reads)
        if again is None:
            new.append(source)
        else:
            skipped.append(again)
    return Arrivals(len(listing.shards), tuple(new), tuple(skipped))


def objection_to(source: ShardSource) -> Skipped | None:
    """Look into the Parquet footers of a new shard: they must be there, and have the columns."""
    for part in source.parts:
        if not part.format.is_parquet:
            continue
        try:
            missing = missing_columns(
                footer(FoundFile(part.place, "", part.size, part.modified)).columns, source.columns
            )
        except InputError as error:
            return Skipped(part.place, SkipReason.UNREADABLE, str(error), source.name)
        if missing:
            detail = f"no column {', '.join(missing)}; correct `columns` in the catalogue"
            return Skipped(part.place, SkipReason.UNREADABLE, detail, source.name)
    return None


def _changed(listing: Listing, reads: Reads) -> Iterator[Skipped]:
    """Files that are not as they were when they were read; one objection for each."""
    parts = {part.place: part for source in listing.shards for part in source.parts}
    for place, part in parts.items():
        for read in reads.get(place, ()):
            if not read.is_of(part):
                detail = (
                    f"not as it was when it was read into {read.shard} ({read.size:,} bytes then, "
                    f"{part.size:,} now); materialize raw_documents of that shard to read it again"
                )
                yield Skipped(place, SkipReason.CHANGED, detail, read.shard)
                break


def _read_elsewhere(source: ShardSource, reads: Reads) -> Skipped | None:
    for part in source.parts:
        for read in reads.get(part.place, ()):
            if read.shard != source.name and read.piece.overlaps(part.piece):
                detail = f"its rows are in shard {read.shard} already"
                return Skipped(part.place, SkipReason.READ_ALREADY, detail, source.name)
    return None


_RAW = dg.AssetKey("raw_documents")
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Partitions of raw_documents by what became of them; `failed` names the run."""

    read: frozenset[str]
    running: frozenset[str]
    failed: Mapping[str, str]

    def shards(self, domain: str) -> frozenset[str]:
        """The shards of a domain that need not be asked for."""
        keys = itertools.chain(self.read, self.running, self.failed)
        return frozenset(key.partition("|")[2] for key in keys if key.partition("|")[0] == domain)


def asked_for(instance: dg.DagsterInstance) -> Asked:
    """Read from the event log which shards were read, and which runs were asked to."""
    storage = instance.event_log_storage
    read = storage.get_materialized_partitions(_RAW)
    open_runs = storage.get_latest_asset_partition_materialization_attempts_without_materializations(_RAW)
    runs = {key: run for key, (run, _) in open_runs.items()}
    finished = _finished(instance, set(runs.values()))
    return Asked(
        frozenset(read),
        frozenset(key for key, run in runs.items() if run not in finished and key not in read),
        {key: run for key, run in runs.items() if run in finished and key not in read},
    )


def _finished(instance: dg.DagsterInstance, runs: set[str]) -> set[str]:
    """The runs that will do no more, the deleted ones included."""
    alive: set[str] = set()
    for batch in _batches(sorted(runs)):
        records = instance.get_runs(dg.RunsFilter(run_ids=list(batch)))
        alive.update(run.run_id for run in records if not run.is_finished)
    return runs - alive


def _batches(runs: Sequence[str]) -> Iterator[Sequence[str]]:
    return (runs[start : start + 500] for start in range(0, len(runs), 500))


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at all inputs found. `chosen` shards are asked for now; `left` wait for the next look."""

    shards: int
    chosen: tuple[tuple[str, ShardSource], ...]
    left: int
    skipped: tuple[tuple[str, Skipped], ...]
    running: int

    def summary(self) -> str:
        """One line of counts, and the files that were skipped, the first of them by name."""
        reasons = Counter(one.reason.value for _, one in self.skipped)
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        new = len(self.chosen) + self.left
        first = f"{self.shards:,} shards, {f'{new:,}' if new else 'none'} of them new"
        asked = f"; {self.running:,} are being read" if self.running else ""
        lines = [f"{domain}: {one}" for domain, one in self.skipped[:_NAMED]]
        more = [f"and {len(self.skipped) - _NAMED} more"] if len(self.skipped) > _NAMED else []
        return "\n".join([first + asked + (f"; skipped: {counts}" if counts else ""), *lines, *more])


def look(catalogue: Catalogue, store: Store, asked: Asked, limit: int) -> Look:
    """Look at the inputs of all domains and choose at most `limit` new shards, the domains in turn."""
    found = {name: _arrivals(catalogue, store, name, asked) for name in catalogue.domains}
    skipped = [(name, one) for name, arrived in found.items() for one in arrived.skipped]
    new = list(_in_turn({name: arrived.new for name, arrived in found.items()}))
    chosen: list[tuple[str, ShardSource]] = []
    left = 0
    for position, (domain, source) in enumerate(new):
        if len(chosen) == limit:
            left = len(new) - position
            break
        objection = objection_to(source)
        if objection is None:
            chosen.append((domain, source))
        else:
            skipped.append((domain, objection))
    skipped += [_failure(key, run) for key, run in sorted(asked.failed.items())]
    shards = sum(arrived.shards for arrived in found.values())
    return Look(shards, tuple(chosen), left, tuple(skipped), len(asked.running))


def _arrivals(catalogue: Catalogue, store: Store, domain: str, asked: Asked) -> Arrivals:
    reads = read_parts(store.sources(domain))
    inputs, log = catalogue.domain(domain).inputs, store.group_log(domain)
    return arrivals(inputs, log, time.time(), reads, asked.shards(domain))


def _in_turn(new: Mapping[str, Sequence[ShardSource]]) -> Iterator[tuple[str, ShardSource]]:
    for round_ in itertools.zip_longest(*([(name, one) for one in sources] for name, sources in new.items())):
        yield from (pair for pair in round_ if pair is not None)


def _failure(key: str, run: str) -> tuple[str, Skipped]:
    domain, _, shard = key.partition("|")
    detail = f"run {run} did not read it; see why there, and materialize raw_documents of it"
    return domain, Skipped(shard, SkipReason.FAILED, detail, shard)


def requests(chosen: Sequence[tuple[str, ShardSource]]) -> list[dg.RunRequest]:
    """One run a shard."""
    keys = [partition_key(domain, source.name) for domain, source in chosen]
    return [dg.RunRequest(run_key=str(key), partition_key=key) for key in keys]


REQUESTS_A_TICK = 100


@dg.sensor(
    job_name="ingest_shard",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Makes each new shard a partition and reads it; says which files it skipped and why.",
)
@redacted_errors()
def new_shards(
    context: dg.SensorEvaluationContext, catalogue: CatalogueResource
) -> dg.SensorResult | dg.SkipReason:
    """Look at the inputs of every domain; new shards become partitions and are read, some at each tick."""
    try:
        found = look(catalogue.load(), catalogue.store(), asked_for(context.instance), REQUESTS_A_TICK)
    except ProxError as error:
        return dg.SkipReason(str(error))
    summary = redact(found.summary())
    if not found.chosen:
        return dg.SkipReason(summary)
    context.log.info(summary)
    names = {source.name for _, source in found.chosen}
    unknown = sorted(names - set(context.instance.get_dynamic_partitions(SHARDS)))
    return dg.SensorResult(
        dynamic_partitions_requests=[shards.build_add_request(unknown)], run_requests=requests(found.chosen)
    )
