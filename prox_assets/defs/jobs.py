"""Jobs for what people do."""

import dagster as dg

from prox_assets.defs.backfill_plan import REFINED

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
    selection=dg.AssetSelection.assets(*REFINED),
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
