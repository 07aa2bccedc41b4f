"""Runs over many shards: each is done and recorded by itself, and one that fails does not fail the others.

What stands in the event log is all that the steps of a run know of one another, so it holds across processes,
executors and retries:

- a materialization of the shard's partition, the moment that the shard is done: a later crash leaves it;
- an observation of the partition where the shard failed or was left out, with the reason. A step leaves out
  what its parents in the run failed or left out, and what a blocking check found bad.

The last steps of a run raise, naming the shards that failed, so the run ends as failed; those partitions stay
missing for the next backfill.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._utils.warnings import BetaWarning

from prox_assets.defs.partitions import CatalogueResource, domain_shards, shard_names
from prox_assets.defs.runs.decorators import (
    GPU_POOL,
    MAX_RETRIES,
    OWNER,
    device_of,
    judged_errors,
    passes,
    raise_judged,
)
from prox_assets.defs.ui import column_schema, finite_result
from prox_assets.documents.store import FinishedShard, ShardKey, Store
from prox_assets.errors import StoreError, described, redact_error
from prox_assets.quality.checks.outcomes import stored_outcomes
from prox_assets.quality.checks.rules import Severity

FAILED, LEFT_OUT = "failed", "left_out"
ShardEvent = dg.AssetMaterialization | dg.AssetObservation | dg.MaterializeResult[Any]
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Stopped:
    """A shard that went no further: `kind` is `failed` where it happened, `left_out` in the steps after."""

    asset: str
    partition: str
    kind: str
    reason: str


def is_range(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> bool:
    """Tell whether a run was asked for a range of partitions, of one partition or more.

    Backfills and schedules ask for a range also where it holds a single partition. Dagster then knows no
    partition of the run: it would file the results of checks under none.
    """
    return not context.has_partition_key


def run_range(
    context: dg.AssetExecutionContext,
    catalogue: CatalogueResource,
    work: Callable[[str, str], dg.MaterializeResult[Any]],
) -> Iterator[ShardEvent]:
    """Do `work(domain, shard)` for each partition of the run that is a shard of its domain.

    Raises:
        RetryRequested: an error that passes; the shards that are done are not recorded again.
        Failure: this is the last step of the run and shards of the run failed; names them.
    """
    asset, store = context.asset_key.to_user_string(), catalogue.store()
    names: dict[str, set[str]] = {}
    parents = {key.to_user_string() for key in context.assets_def.asset_deps[context.asset_key]}
    done, before = _earlier(context, asset)
    for number, key in enumerate(context.partition_keys, 1):
        domain, shard = dimensions(key)
        if key in done:
            continue
        if not _is_shard(catalogue, store, domain, shard, names):
            context.log.info(f"{key} is skipped: domain {domain} has no such shard")
            continue
        reason = _reason_to_leave_out(store, parents, before, domain, shard, key)
        if reason:
            context.log.warning(f"{key} is left out: {reason}")
            yield _observation(asset, key, LEFT_OUT if _is_known(before, key) else FAILED, reason)
            continue
        context.log.info(f"{key}: {number} of {len(context.partition_keys)} shards")
        try:
            result = work(domain, shard)
        except Exception as error:  # whatever is wrong with a shard, the others go on
            redact_error(error)
            if passes(error) and context.retry_number < MAX_RETRIES:
                raise_judged(error, context.retry_number)
            context.log.error(f"{key} failed, the other shards go on: {described(error)}", exc_info=error)
            yield _observation(asset, key, FAILED, described(error))
            continue
        yield _materialization(context, asset, key, result)
    yield without_events()
    if is_last(context, asset):
        raise_for_failed(context)


def without_events() -> dg.MaterializeResult[Any]:
    """A step's output of which Dagster records no materialization.

    In a run over a range it would record one for every partition, the failed ones too. Dagster 1.13 leaves
    outputs with this metadata to the step itself; the name is private, and pinned with it.
    """
    return dg.MaterializeResult(metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def is_last(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, asset: str) -> bool:
    """Tell whether no step on shards comes after this one in the run."""
    in_run = set(context.job_def.graph.node_dict)
    graph = context.job_def.asset_layer.asset_graph
    children = {
        key.to_user_string()
        for key in graph.get(dg.AssetKey(asset)).child_keys
        if graph.get(key).partitions_def == domain_shards
    }
    checks = set() if isinstance(context, dg.AssetCheckExecutionContext) else {f"{asset}_expectations"}
    return not in_run & (children | checks)


def raise_for_failed(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> None:
    """End the run as failed where shards of it failed in any step."""
    failed = [one for one in stopped_shards(context) if one.kind == FAILED]
    if not failed:
        return
    said = (f"{one.partition} at {one.asset}: {one.reason.rstrip('.')}" for one in failed[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    shards = sorted({one.partition for one in failed})
    counts = f"{len(shards)} of {len(context.partition_keys)} shards failed, the others are done"
    raise dg.Failure(
        f"{counts}: {'; '.join(said)}{more}",
        metadata={"failed": dg.MetadataValue.json(shards)},
        allow_retries=False,
    )


def stopped_shards(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[Stopped]:
    """What was failed or left out by the steps of this run so far, and by the run that it goes on from."""
    return list(_events(context)[1].values())


def made_in_run(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, asset: str) -> set[str]:
    """The partitions of an asset that this run has materialized so far."""
    return {key for name, key in _events(context)[0] if name == asset}


def dimensions(key: str) -> tuple[str, str]:
    """The domain and the shard of a partition key."""
    domain, shard = key.split("|", 1)
    return domain, shard


def not_shards(context: dg.AssetCheckExecutionContext, catalogue: CatalogueResource) -> list[str]:
    """The partitions of the run that do not exist: shard names are one dimension for all domains."""
    store = catalogue.store()
    names: dict[str, set[str]] = {}
    return [key for key in context.partition_keys if not _is_shard(catalogue, store, *dimensions(key), names)]


def failed_check(store: Store, asset: str, domain: str, shard: str) -> str:
    """The blocking check that found the present shard of an asset bad; empty where none did."""
    key = ShardKey(domain, asset, shard)
    try:
        fingerprint = store.manifest(key)["fingerprint"]
    except StoreError:
        return ""
    named = FinishedShard(key, store.root, fingerprint, (), 0)  # its rows are not looked at, nor fetched
    outcomes = stored_outcomes(store, named) or ()
    bad = [one for one in outcomes if not one.success and one.severity is Severity.CRITICAL]
    return f"check {bad[0].name} of {asset} failed ({bad[0].observed})" if bad else ""


def failed_observation(asset: str, key: str, reason: str) -> dg.AssetObservation:
    """Record that a shard failed."""
    return _observation(asset, key, FAILED, reason)


def _earlier(
    context: dg.AssetExecutionContext, asset: str
) -> tuple[set[str], Mapping[tuple[str, str], Stopped]]:
    """The partitions that an earlier try of this step did, and all that the run stopped."""
    done, stopped = _events(context)
    return {key for name, key in done if name == asset}, stopped


def _events(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> tuple[set[tuple[str, str]], dict[tuple[str, str], Stopped]]:
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION}
    done: set[tuple[str, str]] = set()
    stopped: dict[tuple[str, str], Stopped] = {}
    for run_id in _run_and_parents(context):
        own = run_id == context.run.run_id
        for record in context.instance.all_logs(run_id, of_type=kinds):
            event = record.dagster_event
            if event is None or event.asset_key is None or event.partition is None:
                continue
            place = event.asset_key.to_user_string(), event.partition
            if event.is_step_materialization:
                stopped.pop(place, None)
                if own:
                    done.add(place)
            else:
                metadata = event.asset_observation_data.asset_observation.metadata
                if "kind" in metadata and "reason" in metadata:
                    kind, reason = str(metadata["kind"].value), str(metadata["reason"].value)
                    stopped[place] = Stopped(*place, kind, reason)
    return done, stopped


def _run_and_parents(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[str]:
    """The run and those that it is a re-execution of, oldest first."""
    ids = [context.run.run_id]
    parent = context.run.parent_run_id
    while parent and parent not in ids:
        ids.insert(0, parent)
        run = context.instance.get_run_by_id(parent)
        parent = run.parent_run_id if run else None
    return ids


def _reason_to_leave_out(
    store: Store,
    parents: set[str],
    before: Mapping[tuple[str, str], Stopped],
    domain: str,
    shard: str,
    key: str,
) -> str:
    for parent in sorted(parents):
        if (parent, key) in before:
            return f"{parent} did not get it: {before[parent, key].reason}"
    return next(filter(None, (failed_check(store, one, domain, shard) for one in sorted(parents))), "")


def _is_shard(
    catalogue: CatalogueResource, store: Store, domain: str, shard: str, names: dict[str, set[str]]
) -> bool:
    """Shard names are one dimension for all domains, so a range may hold names that only another one has."""
    if _finished(store, ShardKey(domain, "raw_documents", shard)):
        return True
    if domain not in names:
        names[domain] = set(shard_names(catalogue.load(), domain))
    return shard in names[domain]


def _finished(store: Store, key: ShardKey) -> FinishedShard | None:
    try:
        return store.shard(key)
    except StoreError:
        return None


def _is_known(before: Mapping[tuple[str, str], Stopped], key: str) -> bool:
    return any(partition == key for _, partition in before)


def _observation(asset: str, key: str, kind: str, reason: str) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset, partition=key, metadata={"kind": kind, "reason": reason}, tags=partition_tags(key)
    )


def _materialization(
    context: dg.AssetExecutionContext, asset: str, key: str, result: dg.MaterializeResult[Any]
) -> dg.AssetMaterialization:
    tags = partition_tags(key)
    code_version = context.assets_def.code_versions_by_key.get(context.asset_key)
    if code_version:
        tags["dagster/code_version"] = code_version
    if result.data_version:
        tags["dagster/data_version"] = result.data_version.value
        tags["dagster/data_version_is_user_provided"] = "true"
    return dg.AssetMaterialization(asset, partition=key, metadata=result.metadata or {}, tags=tags)


def partition_tags(key: str) -> dict[str, str]:
    """What Dagster files the events of a two-dimensional partition under."""
    domain, shard = dimensions(key)
    return {"dagster/partition/domain": domain, "dagster/partition/shard": shard}


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
    code_version: str,
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
                owners=[OWNER],
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
