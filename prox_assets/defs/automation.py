"""A sensor that makes new shards partitions."""

import dagster as dg

from prox_assets.defs.jobs import ingest_job
from prox_assets.defs.partitions import SHARDS, found_shards, partition_key, shards
from prox_assets.defs.resources import CatalogueResource
from prox_assets.errors import ProxError


@dg.sensor(
    job=ingest_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Adds a partition for each new shard on disk and reads it.",
)
def new_shards(
    context: dg.SensorEvaluationContext, catalogue: CatalogueResource
) -> dg.SensorResult | dg.SkipReason:
    """Look at the inputs of every domain; new shards become partitions and are read."""
    known = set(context.instance.get_dynamic_partitions(SHARDS))
    read = context.instance.get_materialized_partitions(dg.AssetKey("raw_documents"))
    try:
        found = found_shards(catalogue.load())
    except ProxError as error:
        return dg.SkipReason(str(error))
    pairs = [(domain, source.name) for domain, sources in found.items() for source in sources]
    new = [pair for pair in pairs if str(partition_key(*pair)) not in read]
    if not new:
        return dg.SkipReason(f"{len(pairs)} shards, none of them new")
    return dg.SensorResult(
        dynamic_partitions_requests=[shards.build_add_request(sorted({shard for _, shard in new} - known))],
        run_requests=[
            dg.RunRequest(
                run_key=f"{domain}|{shard}",
                partition_key=partition_key(domain, shard),
            )
            for domain, shard in new
        ],
    )
