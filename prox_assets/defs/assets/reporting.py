"""Statistics of each shard, the database, the data-quality report, and the published corpus."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets.config import ThresholdsSection
from prox_assets.config.loading import load_catalogue
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.evaluation import (
    held_out_labels,
    read_agreement,
    read_evaluation,
    refiner_evaluation,
    teacher_agreement,
)
from prox_assets.defs.assets.refinement import (
    chunk_programs,
    chunk_refined_corpus,
    doc_programs,
    doc_refined_corpus,
)
from prox_assets.defs.assets.training import CHECKPOINT, chunk_refiner, doc_refiner
from prox_assets.defs.automation.schedule import coverage_check, follows, shards_metadata
from prox_assets.defs.checks import CHECKED, known_outcomes, validations_site
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import domain_asset, guarded
from prox_assets.defs.runs.multi_partition import ShardRun, shard_asset
from prox_assets.defs.ui import artifact_result
from prox_assets.documents.files import read_json, write_json
from prox_assets.documents.store import ShardKey, Store
from prox_assets.evaluation.report import evaluate_corpus
from prox_assets.publishing.card import FRONT_MATTER_END
from prox_assets.publishing.corpus import CARD, CODE_VERSION, PublishedCorpus
from prox_assets.publishing.files import verify
from prox_assets.quality.checks.outcomes import build_data_docs
from prox_assets.quality.report.inputs import CheckedShard, Link, RefinerCard, ReportInputs, ShardTexts
from prox_assets.quality.report.page import build_report
from prox_assets.quality.statistics.database import build_database, shards_in
from prox_assets.quality.statistics.shard import shard_inputs, write_shard_statistics
from prox_assets.refiner.checkpoint import CURVES_FILE, INFO_FILE
from prox_assets.refining.gating import gate_notes, unreliable

STATISTICS = "corpus_statistics"
STAGES = ("raw_documents", "doc_programs", "doc_refined_corpus", "chunk_programs", "chunk_refined_corpus")


@shard_asset(
    deps=[raw_documents, doc_programs, doc_refined_corpus, chunk_programs, chunk_refined_corpus],
    group="analytics",
    kinds={"duckdb", "parquet"},
    code_version="2",
)
def corpus_statistics(at: ShardRun) -> dg.MaterializeResult[Any]:
    """The shard's funnel, calls, lengths, scores and costs, as small Parquet tables."""
    stages = {name: at.finished(name) for name in STAGES}
    folder = statistics_folder(at.store, at.domain, at.shard)
    figures = write_shard_statistics(shard_inputs(at.domain, at.shard, stages), folder)
    at.store.share(folder)
    return dg.MaterializeResult(
        metadata={
            "documents": figures.documents,
            "documents_accepted": figures.documents_accepted,
            "documents_after_doc": figures.documents_after_doc,
            "documents_kept": figures.documents_kept,
            "tokens_raw": figures.tokens_raw,
            "tokens_after_doc": figures.tokens_after_doc,
            "tokens_kept": figures.tokens_kept,
            "keep_ratio": figures.tokens_kept / figures.tokens_raw if figures.tokens_raw else 0.0,
            "unaccounted": figures.unaccounted,
            "path": dg.MetadataValue.path(str(figures.folder)),
        }
    )


def statistics_folder(store: Store, domain: str, shard: str) -> Path:
    """Where the statistics of one shard stand."""
    return store.root / domain / STATISTICS / shard


def database_path(store: Store) -> Path:
    """Where the statistics database stands."""
    return store.root / "statistics.duckdb"


@dg.asset(
    deps=[corpus_statistics],
    group_name="analytics",
    kinds={"duckdb"},
    owners=["team:data"],
    pool="statistics_database",
    code_version="2",
    automation_condition=follows(STATISTICS),
)
@guarded
def statistics_database(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """One DuckDB file with the statistics of all shards, swapped in by rename: readers never meet a lock."""
    loaded, store = catalogue.load(), catalogue.store()
    for domain in loaded.domains:
        store.bring(store.root / domain / STATISTICS)
    folders = {domain: list((store.root / domain / STATISTICS).glob("*/")) for domain in loaded.domains}
    summary = build_database(chain.from_iterable(folders.values()), database_path(store))
    context.log.info(f"{summary.shards} shards, {summary.documents} documents")
    included = {domain: [folder.name for folder in of_domain] for domain, of_domain in folders.items()}
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(summary.path)),
            "shards": summary.shards,
            **shards_metadata(loaded, store, included),
            "documents": summary.documents,
            "tokens_raw": summary.tokens_raw,
            "tokens_kept": summary.tokens_kept,
            "unreconciled": summary.unreconciled,
        }
    )


database_covers_all_shards = coverage_check(statistics_database, raw_documents)


REPORT = "quality_report"


@domain_asset(
    deps=[
        chunk_refined_corpus,
        statistics_database,
        refiner_evaluation,
        doc_refiner,
        chunk_refiner,
        teacher_agreement,
    ],
    group="analytics",
    kinds={"greatexpectations", "html"},
    code_version="2",
    automation=follows("chunk_refined_corpus", after="statistics_database"),
)
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


def _moved(thresholds: ThresholdsSection) -> dict[str, float]:
    return {name: value for name, value in thresholds.model_dump().items() if value is not None}


@domain_asset(
    deps=[chunk_refined_corpus, quality_report],
    group="publishing",
    kinds={"parquet", "huggingface"},
    code_version=CODE_VERSION,
    automation=follows("quality_report") if load_catalogue().nightly.publish else None,
)
def published_corpus(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Parquet with a card and a manifest, as `datasets.load_dataset` reads it; refused while checks fail."""
    domain = context.partition_key
    store = catalogue.store()
    loaded = catalogue.load()
    corpus = PublishedCorpus.of(store, domain, catalogue.domain(domain))
    artifact = store.publish(domain, "published_corpus", corpus.configuration, corpus.build)
    files = verify(artifact.folder)
    _, _, body = (artifact.folder / CARD).read_text(encoding="utf-8").partition(FRONT_MATTER_END)
    return artifact_result(
        artifact,
        files=files,
        shards=len(corpus.shards),
        **shards_metadata(loaded, store, {domain: [shard.name for shard in corpus.shards]}),
        completeness=corpus.completeness,
        card=dg.MetadataValue.md(body),
    )


publication_covers_all_shards = coverage_check(published_corpus, raw_documents)
