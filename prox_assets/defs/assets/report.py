"""The data-quality report of a domain: checks, figures, samples, and how much of the truth was met."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets.defs.assets.analytics import statistics_database
from prox_assets.defs.assets.evaluation import held_out_labels, refiner_evaluation
from prox_assets.defs.assets.refinement import chunk_refined_corpus
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import write_json
from prox_assets.documents.store import Store
from prox_assets.refining.evaluation import evaluate_corpus

REPORT = "quality_report"


@dg.asset(
    partitions_def=domains,
    deps=[chunk_refined_corpus, statistics_database, refiner_evaluation],
    group_name="analytics",
    kinds={"greatexpectations", "html"},
    owners=["team:data"],
    code_version="1",
)
def quality_report(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Great Expectations on every shard, Data Docs, and one HTML report with before and after pages."""
    domain = context.partition_key
    store = catalogue.store()
    folder = report_folder(store, domain)
    removal = _write_removal(catalogue, store, domain)
    return dg.MaterializeResult(metadata={"removal": dg.MetadataValue.json(removal), "folder": str(folder)})


def report_folder(store: Store, domain: str) -> Path:
    """Where a domain's report stands."""
    return store.root / domain / REPORT


def report_path(store: Store, domain: str) -> Path:
    """The HTML file of a domain's report."""
    return report_folder(store, domain) / "report.html"


def read_removal(store: Store, domain: str) -> dict[str, Any]:
    """What the refined corpus lost and kept, measured against held-out truth; empty without labels."""
    result: dict[str, Any] = json.loads((report_folder(store, domain) / "removal.json").read_text())
    return result


def _write_removal(catalogue: CatalogueResource, store: Store, domain: str) -> dict[str, Any]:
    raw = store.shards(domain, "raw_documents")
    refined = store.shards(domain, "chunk_refined_corpus")
    labels = held_out_labels(catalogue.domain(domain), raw)
    by_shard = {shard.key.shard: shard for shard in raw}
    sources = [by_shard[shard.key.shard] for shard in refined]
    result = {} if labels is None else asdict(evaluate_corpus(refined, sources, labels))
    write_json(result, report_folder(store, domain) / "removal.json")
    return result
