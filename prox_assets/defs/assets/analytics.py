"""What happened to the corpus: statistics of each shard, the database built from them, the report."""

from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.refinement import (
    chunk_programs,
    chunk_refined_corpus,
    doc_programs,
    doc_refined_corpus,
)
from prox_assets.defs.coverage import coverage_check, follows, shards_metadata
from prox_assets.defs.guarded import guarded
from prox_assets.defs.resources import CatalogueResource
from prox_assets.defs.shard_assets import ShardRun, shard_asset
from prox_assets.documents.store import Store
from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import shard_inputs, write_shard_statistics

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
