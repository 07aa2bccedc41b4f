"""What a tick of the sensor knows: what is there, what was read, and what somebody asked for already."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from prox_assets.config import Catalogue
from prox_assets.defs.partitions import partition_key
from prox_assets.documents.arrivals import Arrivals, arrivals, objection_to
from prox_assets.documents.discovery import Reason, Skipped
from prox_assets.documents.provenance import read_parts
from prox_assets.documents.sources import ShardSource
from prox_assets.documents.store import Store

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
    return domain, Skipped(shard, Reason.FAILED, detail, shard)


def requests(chosen: Sequence[tuple[str, ShardSource]]) -> list[dg.RunRequest]:
    """One run a shard."""
    keys = [partition_key(domain, source.name) for domain, source in chosen]
    return [dg.RunRequest(run_key=str(key), partition_key=key) for key in keys]
