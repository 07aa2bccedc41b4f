"""The data-quality report of a domain: checks, figures, samples, and how much of the truth was met."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets.config import Thresholds
from prox_assets.defs.assets.agreement import read_agreement, teacher_agreement
from prox_assets.defs.assets.analytics import database_path, statistics_database
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.evaluation import held_out_labels, read_evaluation, refiner_evaluation
from prox_assets.defs.assets.refinement import chunk_refined_corpus
from prox_assets.defs.assets.training import CHECKPOINT, chunk_refiner, doc_refiner
from prox_assets.defs.checks import CHECKED, known_outcomes, validations_site
from prox_assets.defs.coverage import coverage_check, follows, shards_metadata
from prox_assets.defs.guarded import guarded
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import read_json, write_json
from prox_assets.documents.store import ShardKey, Store
from prox_assets.quality.checks.outcomes import build_data_docs
from prox_assets.quality.report.inputs import CheckedShard, Link, RefinerCard, ReportInputs, ShardTexts
from prox_assets.quality.report.page import build_report
from prox_assets.quality.statistics.database import shards_in
from prox_assets.refiner.checkpoint import CURVES_FILE, INFO_FILE
from prox_assets.refining.evaluation import evaluate_corpus
from prox_assets.refining.gating import gate_notes, unreliable

REPORT = "quality_report"


@dg.asset(
    partitions_def=domains,
    deps=[
        chunk_refined_corpus,
        statistics_database,
        refiner_evaluation,
        doc_refiner,
        chunk_refiner,
        teacher_agreement,
    ],
    group_name="analytics",
    kinds={"greatexpectations", "html"},
    owners=["team:data"],
    code_version="2",
    automation_condition=follows("chunk_refined_corpus", after="statistics_database"),
)
@guarded
def quality_report(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Great Expectations on every shard, Data Docs, and one HTML report with before and after pages."""
    domain = context.partition_key
    store = catalogue.store()
    removal = _write_removal(catalogue, store, domain)
    checked = _checked_shards(context, catalogue, store, domain)
    docs = build_data_docs(validations_site(store, domain), report_folder(store, domain) / "data_docs")
    report = build_report(_inputs(catalogue, store, domain, checked, removal), report_path(store, domain))
    outcomes = [outcome for shard in checked for outcome in shard.outcomes]
    included = shards_in(database_path(store), domain)
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.path(str(report)),
            "data_docs": dg.MetadataValue.path(str(docs)),
            **shards_metadata(catalogue.load(), store, {domain: included}),
            "checks_passed": sum(outcome.success for outcome in outcomes),
            "checks_failed": sum(not outcome.success for outcome in outcomes),
            "removal": dg.MetadataValue.json(removal),
        }
    )


report_covers_all_shards = coverage_check(quality_report, raw_documents)


def report_folder(store: Store, domain: str) -> Path:
    """Where a domain's report stands."""
    return store.root / domain / REPORT


def report_path(store: Store, domain: str) -> Path:
    """The HTML file of a domain's report."""
    return report_folder(store, domain) / "report.html"


def read_removal(store: Store, domain: str) -> dict[str, Any]:
    """What the refined corpus lost and kept, measured against held-out truth; empty without labels."""
    result: dict[str, Any] = read_json(report_folder(store, domain) / "removal.json")
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


def _checked_shards(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource, store: Store, domain: str
) -> tuple[CheckedShard, ...]:
    checked = []
    for asset in CHECKED:
        shards = store.shards(domain, asset)
        context.log.info(f"checks of {asset}: {len(shards)} shards")
        for shard in shards:
            name = shard.key.shard
            checked.append(CheckedShard(asset, name, known_outcomes(catalogue, asset, domain, name)))
    return tuple(checked)


def _inputs(
    catalogue: CatalogueResource,
    store: Store,
    domain: str,
    checked: tuple[CheckedShard, ...],
    removal: Mapping[str, float],
) -> ReportInputs:
    return ReportInputs(
        domain,
        database_path(store),
        tuple(_texts(store, domain)),
        refiners=tuple(_card(store, domain, name) for name in ("doc_refiner", "chunk_refiner")),
        thresholds=_moved(catalogue.domain(domain).thresholds),
        evaluation=read_evaluation(store, domain),
        removal=removal,
        agreement=read_agreement(store, domain),
        checks=checked,
        warnings=_unreliable(catalogue, store, domain),
        links=(Link("Data Docs", "data_docs/index.html"),),
    )


def _texts(store: Store, domain: str) -> list[ShardTexts]:
    texts = []
    for refined in store.shards(domain, "chunk_refined_corpus"):
        raw = store.shard(ShardKey(domain, "raw_documents", refined.key.shard))
        texts.append(ShardTexts(refined.key.shard, raw.paths(), refined.paths()))
    return texts


def _unreliable(catalogue: CatalogueResource, store: Store, domain: str) -> tuple[str, ...]:
    """What speaks against the domain's refiners, and what was done about it."""
    documents, chunks = (
        store.artifact(domain, name).folder / CHECKPOINT for name in ("doc_refiner", "chunk_refiner")
    )
    return tuple(unreliable(gate_notes(documents, chunks, catalogue.load().domain(domain).refiner)))


def _card(store: Store, domain: str, asset: str) -> RefinerCard:
    checkpoint = store.artifact(domain, asset).folder / CHECKPOINT
    return RefinerCard(read_json(checkpoint / INFO_FILE), read_json(checkpoint / CURVES_FILE))


def _moved(thresholds: Thresholds) -> dict[str, float]:
    return {name: value for name, value in thresholds.model_dump().items() if value is not None}
