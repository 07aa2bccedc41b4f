"""`prox status` and `prox backfill`: look and ask as the nightly schedule does."""

from typing import Any

import dagster as dg

from prox_assets.config import Catalogue
from prox_assets.config.loading import load_catalogue
from prox_assets.defs.automation.backfills import (
    DomainState,
    Plan,
    counted,
    device_seconds,
    plan,
    ranges,
    request_backfill,
    state_of,
)
from prox_assets.defs.partitions import store_of
from prox_assets.defs.runs.instance import deployed_instance
from prox_assets.documents.store import Store
from prox_assets.errors import InputError
from prox_assets.terminal import new_table, open_console, show

_NAMED = 10


def print_status(options: Any) -> int:
    """Say of each domain which shards are done, missing, stale, in progress or given up."""
    catalogue, instance = _deployment(options)
    console = open_console()
    table = new_table("domain", "done", "missing", "in progress", "stale", "given up", "bad")
    notes = []
    with instance:
        for domain, section in catalogue.domains.items():
            state = look(instance, catalogue, domain)
            found = plan(state, section.backfill, None)
            missing = len([shard for shard in state.missing if shard not in state.running])
            counts = (len(state.done), missing, len(state.running), len(state.stale))
            table.add_row(domain, *map(str, (*counts, len(found.given_up), len(state.bad))))
            notes += [*_unknown(store_of(catalogue), state), *_notes(state, found)]
    show(console, table)
    for note in notes:
        console.print(note)
    return 0


def backfill(options: Any) -> int:
    """Ask for shards of a domain: missing, stale, named ones, or all; see `prox backfill --help`."""
    catalogue, instance = _deployment(options)
    console = open_console()
    with instance:
        state = look(instance, catalogue, options.domain)
        if state.unready:
            raise InputError(state.unready)
        for note in _unknown(store_of(catalogue), state):
            console.print(note)
        wanted = [shard for shard in _wanted(state, options) if shard not in state.running]
        chosen = wanted[: options.max_shards]
        seconds = device_seconds(instance, store_of(catalogue), state) or {}
        hours = sum(seconds.get(shard, 0.0) for shard in chosen) / 3600
        runs = list(ranges(state, chosen, max(len(chosen), 1)))
        cost = f", about {hours:.2f} device hours" if seconds else ""
        asked = f"{counted(len(chosen), 'shard')} in {counted(len(runs), 'run')}{cost}"
        console.print(f"{options.domain}: {asked}")
        for one in runs:
            console.print(f"  {' … '.join(dict.fromkeys(one.ends))} ({len(one.shards)})")
        if chosen and not options.dry_run:
            made = request_backfill(instance, options.domain, chosen, f"prox backfill {options.domain}", {})
            console.print(f"Backfill {made}: the daemon starts its runs within a minute.")
    return 0


def look(instance: dg.DagsterInstance, catalogue: Catalogue, domain: str) -> DomainState:
    """The state of a domain."""
    return state_of(instance, store_of(catalogue), domain, catalogue.domain(domain))


def _wanted(state: DomainState, options: Any) -> list[str]:
    if options.shards:
        named: list[str] = options.shards.split(",")
        known = {*state.done, *state.missing}
        unknown = [shard for shard in named if shard not in known]
        if unknown:
            some = ", ".join(sorted(known)[:_NAMED])
            raise InputError(f"{state.domain} has read no shard {unknown[0]!r}; it has {some}.")
        return named
    if options.stale:
        return list(state.stale)
    return [*state.missing, *sorted(state.done)] if options.all else list(state.missing)


def _unknown(store: Store, state: DomainState) -> list[str]:
    """Say that the store holds shards which this Dagster instance has no materialization of."""
    known = {*state.done, *state.missing}
    stored = [shard.key.shard for shard in store.shards(state.domain, "raw_documents")]
    unknown = [shard for shard in stored if shard not in known]
    if not unknown:
        return []
    return [
        f"{state.domain}: {counted(len(unknown), 'shard')} of the store were made outside of this Dagster "
        f"instance, first {unknown[0]}: materialize raw_documents of them (nothing is read twice), or set "
        "DAGSTER_HOME to the instance that made them"
    ]


def _notes(state: DomainState, found: Plan) -> list[str]:
    if state.unready:
        return [f"{state.domain}: {state.unready}"]
    lines = [f"{state.domain}: {shard} is stale: {', '.join(why)}" for shard, why in state.stale.items()]
    if len(lines) > _NAMED:
        lines = [*lines[:_NAMED], f"{state.domain}: and {len(lines) - _NAMED} more are stale"]
    lines += [
        f"{state.domain}: {shard} failed {state.attempts[shard]} times and is asked for no more by night; "
        f"prox backfill {state.domain} --shards {shard} asks for it again"
        for shard in found.given_up
    ]
    return lines + [f"{state.domain}: {shard} waits: {why}" for shard, why in state.bad.items()]


def _deployment(options: Any) -> tuple[Catalogue, dg.DagsterInstance]:
    instance = deployed_instance()
    return load_catalogue(options.catalogue), instance
