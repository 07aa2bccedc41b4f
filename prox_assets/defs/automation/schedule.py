"""The nightly schedule within a budget, and what follows the shards: database, report, published corpus."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from prox_assets.config import Catalogue
from prox_assets.config.loading import load_catalogue
from prox_assets.defs.automation.backfills import (
    NIGHTLY_TAG,
    Plan,
    ShardRange,
    device_seconds,
    plan,
    state_of,
)
from prox_assets.defs.automation.jobs import refine_job
from prox_assets.defs.partitions import CatalogueResource, partition_key, store_of
from prox_assets.defs.runs.multi_partition import dimensions
from prox_assets.defs.ui import table_of
from prox_assets.documents.store import Store
from prox_assets.errors import ProxError, redacted_errors
from prox_assets.publishing.card import name_shards
from prox_assets.publishing.corpus import unrefined_shards

Condition = dg.AutomationCondition[Any]
ALL_SHARDS = "all_shards"
INCLUDED, MISSING = "shards_included", "shards_missing"
_NOT_LISTED = "the inputs could not be listed, so shards that were never read are not known"


def shards_metadata(
    catalogue: Catalogue, store: Store, included: Mapping[str, Iterable[str]]
) -> dict[str, Any]:
    """The partitions that an asset is of, and those of the same domains that it lacks, by their keys."""
    missing = {domain: missing_shards(catalogue, store, domain, names) for domain, names in included.items()}
    return {
        INCLUDED: dg.MetadataValue.json(_keys(included)),
        MISSING: dg.MetadataValue.json(_keys({domain: names or () for domain, names in missing.items()})),
    }


def missing_shards(
    catalogue: Catalogue, store: Store, domain: str, included: Iterable[str]
) -> tuple[str, ...] | None:
    """The domain's other shards, those never read too; None where its inputs cannot be listed."""
    return unrefined_shards(store, domain, catalogue.domain(domain), list(included))


def _keys(shards: Mapping[str, Iterable[str]]) -> list[str]:
    return sorted(str(partition_key(domain, shard)) for domain, names in shards.items() for shard in names)


def coverage_check(
    asset: dg.AssetsDefinition, raw_documents: dg.AssetsDefinition
) -> dg.AssetChecksDefinition:
    """Make the check that an asset is of all shards there are; a new shard has it made again.

    It is one check for all domains, since Dagster cannot run a check of a partition without its asset.
    """

    @dg.asset_check(
        asset=asset,
        name=ALL_SHARDS,
        description="It is of every shard of its domains, those that were never read included.",
        additional_deps=[raw_documents],
        automation_condition=updated_since_checked(),
    )
    def all_shards(
        context: dg.AssetCheckExecutionContext, catalogue: CatalogueResource
    ) -> dg.AssetCheckResult:
        with redacted_errors():
            return coverage_result(context.instance, catalogue, asset)

    return all_shards


def coverage_result(
    instance: dg.DagsterInstance, catalogue: CatalogueResource, asset: dg.AssetsDefinition
) -> dg.AssetCheckResult:
    """Hold what an asset was last made of to the shards there are now."""
    loaded, store = catalogue.load(), catalogue.store()
    rows, lacks = [], []
    for domain in loaded.domains:
        included = _included(instance, asset, domain)
        if included is None:
            rows.append({"domain": domain, "included": 0, "missing": "never made"})
            continue
        missing = missing_shards(loaded, store, domain, included)
        if missing is None:
            lacks.append(f"{domain}: {_NOT_LISTED}")
        elif missing:
            total = len(included) + len(missing)
            lacks.append(f"{domain} lacks {len(missing)} of {total} shards: {name_shards(missing)}")
        shown = _NOT_LISTED if missing is None else name_shards(missing)
        rows.append({"domain": domain, "included": len(included), "missing": shown})
    return dg.AssetCheckResult(
        asset_key=asset.key,
        check_name=ALL_SHARDS,
        passed=not lacks,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(lacks) or "every shard is included",
        metadata={"shards": table_of(rows)},
    )


def _included(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, domain: str) -> list[str] | None:
    """The shards of a domain that an asset was last made of, as it said then; None where it never was."""
    partitions = [domain] if asset.partitions_def else None
    wanted = dg.AssetRecordsFilter(asset_key=asset.key, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=1).records
    made = records[0].asset_materialization if records else None
    if made is None:
        return None
    metadata = made.metadata
    keys: Any = metadata[INCLUDED].value if INCLUDED in metadata else []
    return [shard for of_domain, shard in map(dimensions, keys) if of_domain == domain]


def follows(*assets: str, after: str = "") -> Condition:
    """Be made again when upstream `assets` were, once none of them is being made.

    With `after`, only once that one was made again too. So a night of many runs ends with one new database,
    and then one new report of each domain that it refined shards of.
    """
    condition = dg.AutomationCondition
    updated = _updated(*assets)
    busy = condition.any_deps_match(condition.in_progress())
    due: Condition = updated.since_last_handled() & ~busy & ~condition.in_progress()
    if after:
        due &= _updated(after).since(updated & ~_updated(after))
    return due


def _updated(*assets: str) -> Condition:
    updated = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())
    return updated.allow(dg.AssetSelection.assets(*assets))


def updated_since_checked() -> Condition:
    """Be checked again when the asset or shards were made, once none of them is being made."""
    condition = dg.AutomationCondition
    updated = condition.any_deps_match(condition.newly_updated())
    busy = condition.any_deps_match(condition.in_progress())
    due: Condition = updated.since_last_handled() & ~busy & ~condition.in_progress()
    return due


_settings = load_catalogue().nightly
PRIORITY = "-10"
"""Below that of what a person asks for, which is 0 unless they say otherwise."""


def night_plans(instance: dg.DagsterInstance, catalogue: Catalogue) -> Iterator[Plan]:
    """What a night would ask for, domain by domain."""
    store = store_of(catalogue)
    for domain, section in catalogue.domains.items():
        if section.backfill.enabled:
            state = state_of(instance, store, domain, section)
            yield plan(state, section.backfill, device_seconds(instance, store, state))


def night_request(one: ShardRange, catalogue: Catalogue, tick: str) -> dg.RunRequest:
    """A run over a range that waits for people's runs, and is ended when it takes too long."""
    first, last = one.ends
    return dg.RunRequest(
        run_key=f"{tick} {first}…{last}",
        tags={
            **one.tags,
            NIGHTLY_TAG: one.domain,
            "dagster/priority": PRIORITY,
            "dagster/max_runtime": str(int(catalogue.nightly.max_hours * 3600)),
        },
    )


@dg.schedule(
    name="nightly_refining",
    job=refine_job,
    cron_schedule=_settings.cron,
    execution_timezone=_settings.timezone,
    default_status=(
        dg.DefaultScheduleStatus.RUNNING if _settings.enabled else dg.DefaultScheduleStatus.STOPPED
    ),
    description="Asks for shards that are read and not refined, newest first, within each domain's budget "
    "(`backfill` in the catalogue). What the night before left, or failed at, is asked for again.",
)
@redacted_errors()
def nightly_refining(
    context: dg.ScheduleEvaluationContext, catalogue: CatalogueResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Plan the night, say so in the tick's log, and ask for the runs."""
    try:
        loaded = catalogue.load()
        plans = list(night_plans(context.instance, loaded))
    except ProxError as error:
        return dg.SkipReason(str(error))
    for one in plans:
        context.log.info(one.sentence())
    tick = f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}"
    requests = [night_request(part, loaded, tick) for one in plans for part in one.ranges]
    if not requests:
        return dg.SkipReason(
            "\n".join(one.sentence() for one in plans) or "no domain has its backfill enabled"
        )
    return requests


follow_refining = dg.AutomationConditionSensorDefinition(
    name="follow_refining",
    target=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    run_tags={"dagster/priority": PRIORITY},
    description="Makes the database, the reports and, where the catalogue says so (`nightly.publish`), the "
    "published corpora again once shards were refined, whoever asked for them.",
)
