"""Forgets old runs of a Dagster instance, and never one that a partition's state rests on.

    python -m prox_assets.defs.pruning --days 30 [--dry-run]

Dagster keeps every run for ever, and deleting a run deletes what it materialized: the partitions would be
missing again and be refined again. So a run stays while it made the latest materialization of any partition.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterEventType

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Prune the instance of this DAGSTER_HOME and say how many runs went."""
    parser = argparse.ArgumentParser(prog="python -m prox_assets.defs.pruning", description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="keep runs that are younger (30)")
    parser.add_argument("--dry-run", action="store_true", help="only count them")
    options = parser.parse_args(arguments)
    with dg.DagsterInstance.get() as instance:
        old = prunable_runs(instance, datetime.now(UTC) - timedelta(days=options.days))
        if not options.dry_run:
            for run_id in old:
                instance.delete_run(run_id)
        print(f"{len(old)} runs {'would be' if options.dry_run else 'were'} deleted.")
    return 0


def prunable_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Runs that ended, were made before then, and whose materializations are all superseded."""
    needed = set(_runs_in_use(instance))
    filters = dg.RunsFilter(statuses=_ENDED, created_before=before)
    ended = [record.dagster_run.run_id for record in instance.get_run_records(filters)]
    return [run_id for run_id in ended if run_id not in needed]


def _runs_in_use(instance: dg.DagsterInstance) -> Iterator[str]:
    for record in instance.get_asset_records():
        entry = record.asset_entry
        if entry.last_run_id is not None:
            yield entry.last_run_id
        yield from _makers_of_partitions(instance, entry.asset_key)


def _makers_of_partitions(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Iterator[str]:
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, DagsterEventType.ASSET_MATERIALIZATION
    )
    ids = list(latest.values())
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        wanted = dg.AssetRecordsFilter(asset_key=asset, storage_ids=some)
        for event in instance.fetch_materializations(wanted, limit=len(some)).records:
            yield event.run_id
