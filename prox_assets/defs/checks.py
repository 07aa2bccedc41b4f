"""Great Expectations as asset checks: one check for each expectation of each corpus asset."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from prox_assets.defs.partitions import CatalogueResource, domain_shards, partitioned_check
from prox_assets.defs.runs.multi_partition import (
    dimensions,
    failed_check,
    failed_observation,
    is_last,
    is_range,
    made_in_run,
    not_shards,
    raise_for_failed,
)
from prox_assets.defs.ui import finite_metadata, table_of
from prox_assets.documents.store import ShardKey, Store
from prox_assets.errors import redacted_errors
from prox_assets.quality.checks.expectations import UPSTREAM, expectation_names, validate
from prox_assets.quality.checks.outcomes import (
    VALIDATIONS,
    DataDocsSite,
    ExpectationOutcome,
    store_outcomes,
    stored_outcomes,
)
from prox_assets.quality.checks.rules import CheckLimits, Conservation, Severity

CHECKED = ("raw_documents", *UPSTREAM)
_SEVERITIES = {
    Severity.CRITICAL: dg.AssetCheckSeverity.ERROR,
    Severity.WARNING: dg.AssetCheckSeverity.WARN,
}


def validations_site(store: Store, domain: str) -> DataDocsSite:
    """Where a domain's validations are recorded for the Data Docs."""
    return DataDocsSite(store.root / domain / VALIDATIONS)


def outcomes_of(
    catalogue: CatalogueResource, asset: str, domain: str, shard: str
) -> tuple[ExpectationOutcome, ...]:
    """Validate one shard of one asset; the result is recorded for the Data Docs and has a page of its own."""
    store = catalogue.store()
    finished = store.shard(ShardKey(domain, asset, shard))
    upstream: tuple[Path, ...] = ()
    if asset in UPSTREAM:
        upstream = store.shard(ShardKey(domain, UPSTREAM[asset], shard)).paths()
    rejected = finished.paths("rejected") if asset == "raw_documents" else ()
    source_rows = finished.ranges[-1].stop if asset == "raw_documents" else None
    outcomes = validate(
        asset,
        finished.paths(),
        Conservation(source_rows, upstream, rejected),
        CheckLimits(**catalogue.load().domain(domain).checks.model_dump()),
        run_name=f"{domain}|{shard}",
        docs=validations_site(store, domain),
    )
    store_outcomes(store, finished, outcomes)
    return outcomes


def known_outcomes(
    catalogue: CatalogueResource, asset: str, domain: str, shard: str
) -> tuple[ExpectationOutcome, ...]:
    """The outcomes of the check that last ran on a shard; it runs now where the shard has changed since."""
    store = catalogue.store()
    finished = store.shard(ShardKey(domain, asset, shard))
    found = stored_outcomes(store, finished)
    return outcomes_of(catalogue, asset, domain, shard) if found is None else found


def _checks_of(asset: str) -> dg.AssetChecksDefinition:
    specs = [
        partitioned_check(
            info.name, asset, info.description, domain_shards, info.severity is Severity.CRITICAL
        )
        for info in expectation_names(asset)
    ]

    @dg.multi_asset_check(name=f"{asset}_expectations", specs=specs)
    def expectations(
        context: dg.AssetCheckExecutionContext, catalogue: CatalogueResource
    ) -> Iterator[dg.AssetCheckResult | dg.AssetObservation | dg.Output[None]]:
        with redacted_errors():
            if is_range(context):
                yield from _check_range(context, catalogue, asset)
                return
            domain, shard = dimensions(context.partition_keys[0])
            yield from _results(catalogue, asset, domain, shard)

    return expectations


def _results(
    catalogue: CatalogueResource, asset: str, domain: str, shard: str
) -> Iterator[dg.AssetCheckResult]:
    page = validations_site(catalogue.store(), domain).page(asset, f"{domain}|{shard}")
    for outcome in outcomes_of(catalogue, asset, domain, shard):
        yield _result(asset, outcome, page)


def _check_range(
    context: dg.AssetCheckExecutionContext, catalogue: CatalogueResource, asset: str
) -> Iterator[dg.AssetObservation | dg.Output[None]]:
    """Check each shard that the run made, and record every result for its own partition.

    Dagster would record one result without a partition for the whole range, and a blocking check would stop
    all shards. So evaluations are logged here, and the steps after leave out the shards that failed theirs.
    """
    made = made_in_run(context, asset)
    for key in [key for key in context.partition_keys if key in made]:
        domain, shard = dimensions(key)
        _log(context, asset, key, _results(catalogue, asset, domain, shard))
        reason = failed_check(catalogue.store(), asset, domain, shard)
        if reason:
            yield failed_observation(asset, key, reason)
    for key in not_shards(context, catalogue):
        _log(context, asset, key, _results_of_no_shard(asset, key))
    for info in expectation_names(asset):
        yield dg.Output(None, output_name=f"{asset}_{info.name}")
    if is_last(context, asset):
        raise_for_failed(context)


def _results_of_no_shard(asset: str, key: str) -> Iterator[dg.AssetCheckResult]:
    """Pass what is asked of a partition that does not exist.

    A run over a range plans a check for it all the same. One that got no result would stay "skipped", and
    the UI calls a check skipped as long as any of its partitions is.
    """
    domain, shard = dimensions(key)
    for info in expectation_names(asset):
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=info.name,
            passed=True,
            severity=_SEVERITIES[info.severity],
            description=f"Domain {domain} has no shard {shard}: there is nothing to check.",
        )


def _log(
    context: dg.AssetCheckExecutionContext, asset: str, key: str, results: Iterable[dg.AssetCheckResult]
) -> None:
    target = _target(context.instance, asset, key)
    for result in results:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset),
            check_name=str(result.check_name),
            passed=result.passed,
            metadata=result.metadata,
            description=result.description,
            target_materialization_data=target,
            severity=result.severity,
            blocking=result.severity is dg.AssetCheckSeverity.ERROR,
            partition=key,
        )
        context.op_execution_context.log_event(cast(Any, evaluation))  # which it takes, though untyped


def _target(
    instance: dg.DagsterInstance, asset: str, key: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """Find the materialization that a partition has now; the UI shows no result that does not name it."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    return None


def _result(asset: str, outcome: ExpectationOutcome, page: Path) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"observed": outcome.observed, "data_docs": dg.MetadataValue.path(str(page))}
    if outcome.unexpected_percent is not None:
        metadata["unexpected_percent"] = outcome.unexpected_percent
    if outcome.figures:
        metadata["figures"] = table_of([{"of": name, "value": value} for name, value in outcome.figures])
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=outcome.name,
        passed=outcome.success,
        severity=_SEVERITIES[outcome.severity],
        metadata=finite_metadata(metadata),
    )


checks = [_checks_of(asset) for asset in CHECKED]
