"""The sensor that makes new shards partitions and has them read."""

import dagster as dg

from prox_assets.defs.arrived import asked_for, look, requests
from prox_assets.defs.partitions import SHARDS, shards
from prox_assets.defs.resources import CatalogueResource
from prox_assets.errors import ProxError
from prox_assets.redaction import redact, redacted_errors

REQUESTS_A_TICK = 100


@dg.sensor(
    job_name="ingest_shard",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Makes each new shard a partition and reads it; says which files it skipped and why.",
)
@redacted_errors()
def new_shards(
    context: dg.SensorEvaluationContext, catalogue: CatalogueResource
) -> dg.SensorResult | dg.SkipReason:
    """Look at the inputs of every domain; new shards become partitions and are read, some at each tick."""
    try:
        found = look(catalogue.load(), catalogue.store(), asked_for(context.instance), REQUESTS_A_TICK)
    except ProxError as error:
        return dg.SkipReason(str(error))
    summary = redact(found.summary())
    if not found.chosen:
        return dg.SkipReason(summary)
    context.log.info(summary)
    names = {source.name for _, source in found.chosen}
    unknown = sorted(names - set(context.instance.get_dynamic_partitions(SHARDS)))
    return dg.SensorResult(
        dynamic_partitions_requests=[shards.build_add_request(unknown)], run_requests=requests(found.chosen)
    )
