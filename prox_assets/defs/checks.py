"""Great Expectations as asset checks: one check for each expectation of each corpus asset."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._utils.warnings import PreviewWarning

from prox_assets.defs.partitions import domain_shards, partition_of
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.store import ShardKey, Store
from prox_assets.quality.data_docs import DataDocsSite
from prox_assets.quality.expectations import UPSTREAM, ExpectationInfo, expectation_names, validate
from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.rules import Conservation, Severity, Thresholds

CHECKED = ("raw_documents", *UPSTREAM)
VALIDATIONS = "validations"


def validations_site(store: Store, domain: str) -> DataDocsSite:
    """Where a domain's validations are recorded for the Data Docs."""
    return DataDocsSite(store.root / domain / VALIDATIONS)


def outcomes_of(
    catalogue: CatalogueResource, asset: str, domain: str, shard: str
) -> tuple[ExpectationOutcome, ...]:
    """Validate one shard of one asset, and record the result for the Data Docs."""
    store = catalogue.store()
    finished = store.shard(ShardKey(domain, asset, shard))
    upstream: tuple[Path, ...] = ()
    if asset in UPSTREAM:
        upstream = store.shard(ShardKey(domain, UPSTREAM[asset], shard)).paths()
    rejected = finished.paths("rejected") if asset == "raw_documents" else ()
    source_rows = finished.ranges[-1].stop if asset == "raw_documents" else None
    return validate(
        asset,
        finished.paths(),
        Conservation(source_rows, upstream, rejected),
        Thresholds(**catalogue.load().domain(domain).checks.model_dump()),
        run_name=f"{domain}|{shard}",
        docs=validations_site(store, domain),
    )


def _checks_of(asset: str) -> dg.AssetChecksDefinition:
    specs = [_spec_of(asset, info) for info in expectation_names(asset)]

    @dg.multi_asset_check(name=f"{asset}_expectations", specs=specs)
    def expectations(
        context: dg.AssetCheckExecutionContext, catalogue: CatalogueResource
    ) -> Iterator[dg.AssetCheckResult]:
        domain, shard = partition_of(context)
        for outcome in outcomes_of(catalogue, asset, domain, shard):
            yield _result(asset, outcome)

    return expectations


def _spec_of(asset: str, info: ExpectationInfo) -> dg.AssetCheckSpec:
    """A check of one partition each; that is in preview in Dagster 1.13, and pinned with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PreviewWarning)
        return dg.AssetCheckSpec(
            info.name,
            asset=asset,
            description=info.description,
            blocking=info.severity is Severity.CRITICAL,
            partitions_def=domain_shards,
        )


def _result(asset: str, outcome: ExpectationOutcome) -> dg.AssetCheckResult:
    severe = outcome.severity is Severity.CRITICAL
    metadata: dict[str, str | float] = {"observed": outcome.observed}
    if outcome.unexpected_percent is not None:
        metadata["unexpected_percent"] = outcome.unexpected_percent
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=outcome.name,
        passed=outcome.success,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


checks = [_checks_of(asset) for asset in CHECKED]
