"""Asking Dagster for shards: backfills that people see in the UI, made with the instance alone."""

import time
from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from prox_assets.defs.partitions import partition_key

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
    from prox_assets.defs.assets.analytics import corpus_statistics
    from prox_assets.defs.assets.baselines import rule_filtered_corpus
    from prox_assets.defs.assets.corpus import raw_documents
    from prox_assets.defs.assets.refinement import (
        chunk_programs,
        chunk_refined_corpus,
        doc_programs,
        doc_refined_corpus,
    )

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
