"""Great Expectations as asset checks: one check for each expectation of each corpus asset."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._utils.warnings import PreviewWarning

from prox_assets.defs.metadata import table_of
from prox_assets.defs.partitions import domain_shards, partition_of
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.store import ShardKey, Store
from prox_assets.quality.data_docs import DataDocsSite
from prox_assets.quality.expectations import UPSTREAM, ExpectationInfo, expectation_names, validate
from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.rules import Conservation, Severity, Thresholds
from prox_assets.quality.stored_outcomes import VALIDATIONS, store_outcomes, stored_outcomes

CHECKED = ("raw_documents", *UPSTREAM)


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
        Thresholds(**catalogue.load().domain(domain).checks.model_dump()),
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
    specs = [_spec_of(asset, info) for info in expectation_names(asset)]

    @dg.multi_asset_check(name=f"{asset}_expectations", specs=specs)
    def expectations(
        context: dg.AssetCheckExecutionContext, catalogue: CatalogueResource
    ) -> Iterator[dg.AssetCheckResult]:
        domain, shard = partition_of(context)
        page = validations_site(catalogue.store(), domain).page(asset, f"{domain}|{shard}")
        for outcome in outcomes_of(catalogue, asset, domain, shard):
            yield _result(asset, outcome, page)

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


def _result(asset: str, outcome: ExpectationOutcome, page: Path) -> dg.AssetCheckResult:
    severe = outcome.severity is Severity.CRITICAL
    metadata: dict[str, Any] = {"observed": outcome.observed, "data_docs": dg.MetadataValue.path(str(page))}
    if outcome.unexpected_percent is not None:
        metadata["unexpected_percent"] = outcome.unexpected_percent
    if outcome.figures:
        metadata["figures"] = table_of([{"of": name, "value": value} for name, value in outcome.figures])
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=outcome.name,
        passed=outcome.success,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


checks = [_checks_of(asset) for asset in CHECKED]
