"""The schedule that refines what is new, within the catalogue's budget, while nobody waits."""

from collections.abc import Iterator

import dagster as dg

from prox_assets.config import Catalogue
from prox_assets.config.loading import load_catalogue
from prox_assets.defs.backfill_plan import NIGHTLY_TAG, Plan, ShardRange, device_seconds, plan, state_of
from prox_assets.defs.jobs import refine_job
from prox_assets.defs.resources import CatalogueResource, store_of
from prox_assets.errors import ProxError
from prox_assets.redaction import redacted_errors

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
