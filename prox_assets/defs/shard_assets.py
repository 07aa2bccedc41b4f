"""Assets of one shard each, and the runs that make them: one partition, or a range of them in one process."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster._utils.warnings import BetaWarning

from prox_assets.defs.devices import GPU_POOL
from prox_assets.defs.guarded import device_of
from prox_assets.defs.metadata import column_schema, finite_result
from prox_assets.defs.partitions import domain_shards
from prox_assets.defs.ranged import ShardEvent, dimensions, is_range, run_range
from prox_assets.defs.resources import CatalogueResource
from prox_assets.defs.retries import judged_errors
from prox_assets.documents.store import FinishedShard, ShardKey, Store


@dataclass(frozen=True, slots=True)
class ShardRun:
    """The work of an asset on one shard, whichever kind of run it is part of."""

    context: dg.AssetExecutionContext
    catalogue: CatalogueResource
    store: Store
    domain: str
    shard: str

    def finished(self, asset: str) -> FinishedShard:
        """This shard of another asset. Raises StoreError where it is not there."""
        return self.store.shard(ShardKey(self.domain, asset, self.shard))


ShardWork = Callable[[ShardRun], dg.MaterializeResult[Any]]


def shard_asset(
    *,
    group: str,
    kinds: set[str],
    deps: Sequence[dg.AssetsDefinition] = (),
    pool: str | None = None,
    code_version: str = "1",
    schema: pa.Schema | None = None,
    tags: Mapping[str, str] | None = None,
) -> Callable[[ShardWork], dg.AssetsDefinition]:
    """Make an asset of domain and shard of the function that does one shard; its docstring describes it.

    A backfill asks for a whole range of partitions in one run, so that a model is loaded once for them. That
    policy is in beta in Dagster 1.13, and pinned with it.
    """

    def decorate(work: ShardWork) -> dg.AssetsDefinition:
        def compute(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> Iterator[ShardEvent]:
            with device_of(catalogue) if pool == GPU_POOL else nullcontext():
                yield from _run(context, catalogue, work)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BetaWarning)
            return dg.asset(
                name=work.__name__,
                description=work.__doc__,
                partitions_def=domain_shards,
                backfill_policy=dg.BackfillPolicy.single_run(),
                deps=deps,
                group_name=group,
                kinds=kinds,
                owners=["team:data"],
                pool=pool,
                code_version=code_version,
                tags=tags,
                metadata={"dagster/column_schema": column_schema(schema)} if schema else None,
            )(compute)

    return decorate


def _run(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource, work: ShardWork
) -> Iterator[ShardEvent]:
    def one(domain: str, shard: str) -> dg.MaterializeResult[Any]:
        return finite_result(work(ShardRun(context, catalogue, catalogue.store(), domain, shard)))

    if is_range(context):
        yield from run_range(context, catalogue, one)
        return
    with judged_errors(context):
        result = one(*dimensions(context.partition_keys[0]))
    yield result
