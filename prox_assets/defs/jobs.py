"""Jobs for what people do; their runs take the partitions that are chosen, one or a range."""

from typing import Any

import dagster as dg

from prox_assets.config.loading import load_catalogue
from prox_assets.defs.op_jobs import op_jobs
from prox_assets.defs.requests import REFINED

MAX_RUNTIME = "dagster/max_runtime"
_LONGEST = {MAX_RUNTIME: str(int(load_catalogue().nightly.max_hours * 3600))}


def _job(name: str, selection: Any, description: str) -> Any:
    return dg.define_asset_job(name, selection=selection, description=description, tags=_LONGEST)


def _assets(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*names)


ingest_job = _job("ingest_shard", "key:raw_documents", "Read shards of the user's files.")
teach_job = _job(
    "teach_and_train",
    dg.AssetSelection.groups("annotation", "training") | _assets("refining_estimate"),
    "Sample seeds, annotate them, train both refiners of one domain, evaluate and time them.",
)
retrain_job = _job(
    "retrain_refiners",
    _assets("sft_dataset", "doc_refiner", "chunk_refiner", "refiner_evaluation"),
    "Train both refiners of one domain on what is annotated, and evaluate them. What is refined goes stale, "
    "and stays until it is asked for.",
)
refine_job = _job(
    "refine_shard", _assets(*REFINED), "Write and execute the programs of shards, and count what happened."
)
execute_job = _job(
    "execute_programs",
    _assets("doc_refined_corpus", "chunk_refined_corpus", "corpus_statistics"),
    "Execute the stored programs of shards again, with the catalogue's present thresholds and guard rails; "
    "no model writes anything.",
)
report_job = _job(
    "rebuild_reports", _assets("quality_report"), "Check a domain's corpora and build its report."
)
database_job = _job(
    "build_database",
    _assets("statistics_database"),
    "Build the DuckDB file from the statistics of all shards; reports read it.",
)
publish_job = _job(
    "publish_corpus",
    _assets("published_corpus"),
    "Write a domain's refined corpus as a dataset with a card and a manifest.",
)
pretraining_job = _job(
    "compare_pretraining",
    _assets("pretraining_comparison"),
    "Train a tiny language model on each corpus of a domain and compare them.",
)

jobs = [
    ingest_job,
    teach_job,
    retrain_job,
    refine_job,
    execute_job,
    database_job,
    pretraining_job,
    report_job,
    publish_job,
    *op_jobs,
]
