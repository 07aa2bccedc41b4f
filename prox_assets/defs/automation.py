"""Jobs for what people do, and a sensor that makes new shards partitions."""

import dagster as dg

from prox_assets.defs.partitions import SHARDS, found_shards, partition_key, shards
from prox_assets.defs.resources import CatalogueResource
from prox_assets.errors import ProxError

_PER_SHARD = (
    "raw_documents",
    "doc_programs",
    "doc_refined_corpus",
    "chunk_programs",
    "chunk_refined_corpus",
    "rule_filtered_corpus",
    "corpus_statistics",
)

ingest_job = dg.define_asset_job(
    "ingest_shard", selection="key:raw_documents", description="Read one shard of the user's files."
)
teach_job = dg.define_asset_job(
    "teach_and_train",
    selection=dg.AssetSelection.groups("annotation", "training")
    | dg.AssetSelection.assets("refining_estimate"),
    description="Sample seeds, annotate them, train both refiners of one domain, evaluate and time them.",
)
refine_job = dg.define_asset_job(
    "refine_shard",
    selection=dg.AssetSelection.assets(*_PER_SHARD[1:]),
    description="Write and execute the programs of one shard, and count what happened.",
)
report_job = dg.define_asset_job(
    "rebuild_reports",
    selection=dg.AssetSelection.assets("quality_report"),
    description="Check a domain's corpora and build its report.",
)

database_job = dg.define_asset_job(
    "build_database",
    selection=dg.AssetSelection.assets("statistics_database"),
    description="Build the DuckDB file from the statistics of all shards.",
)
publish_job = dg.define_asset_job(
    "publish_corpus",
    selection=dg.AssetSelection.assets("published_corpus"),
    description="Write a domain's refined corpus as a dataset with a card and a manifest.",
)
pretraining_job = dg.define_asset_job(
    "compare_pretraining",
    selection=dg.AssetSelection.assets("pretraining_comparison"),
    description="Train a tiny language model on each corpus of a domain and compare them.",
)

jobs = [ingest_job, teach_job, refine_job, database_job, pretraining_job, report_job, publish_job]


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
