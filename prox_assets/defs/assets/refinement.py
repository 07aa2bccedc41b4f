"""Refining: programs written by the refiners (GPU pool), and executed (no GPU)."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.training import chunk_refiner, doc_refiner
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import GPU_POOL, Device, domain_asset
from prox_assets.defs.runs.multi_partition import ShardRun, shard_asset
from prox_assets.defs.ui import edits_markdown, log_parts, shard_result, shares_markdown, table_of
from prox_assets.documents.schema import CHUNK_PROGRAMS, CHUNK_REFINED, DOC_PROGRAMS, DOC_REFINED
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.inference import Task
from prox_assets.refining import stages
from prox_assets.refining.document_stage import KEPT
from prox_assets.refining.estimate import estimate_refining
from prox_assets.refining.execution import refuse_returned
from prox_assets.refining.gating import gated_chunk_refiner, gated_document_refiner, stored_gate
from prox_assets.refining.models import (
    ChunkDecider,
    DocumentDecider,
    LoadedChunkRefiner,
    LoadedDocumentRefiner,
    chunk_thresholds,
    engine_settings,
    language_of,
    load_chunk_refiner,
    load_document_refiner,
    moved_thresholds,
    rails_of,
)
from prox_assets.refining.stages import CODE_VERSION


@shard_asset(
    deps=[raw_documents, doc_refiner],
    group="refinement",
    kinds={"pytorch", "parquet"},
    pool=GPU_POOL,
    schema=DOC_PROGRAMS,
    code_version=CODE_VERSION,
    tags={"stage": "document", "model": "yes"},
)
def doc_programs(at: ShardRun) -> dg.MaterializeResult[Any]:
    """Each document's keep probability, and the program that follows."""
    raw = at.finished("raw_documents")
    loaded = document_decider(at.catalogue, at.store, at.domain)
    finished = stages.write_doc_programs(
        at.store, raw, loaded, log_parts(at.context), workers_of(at.catalogue)
    )
    columns = [batch.column(0) for batch in finished.batches(["keep_probability"])]
    probabilities = pa.chunked_array(columns, DOC_PROGRAMS.field("keep_probability").type)
    return shard_result(
        finished,
        **_cost(finished),
        keep_threshold=loaded.refiner.thresholds.keep,
        mean_keep_probability=pc.mean(probabilities).as_py(),
        keep_probabilities=dg.MetadataValue.md(shares_markdown(probabilities.drop_null().to_pylist())),
        refined_with=loaded.configuration["checkpoint"],
        **_gate(at, loaded.checkpoint, Task.DOCUMENT),
    )


@shard_asset(
    deps=[raw_documents, doc_programs],
    group="refinement",
    kinds={"parquet"},
    schema=DOC_REFINED,
    code_version=CODE_VERSION,
    tags={"stage": "document", "model": "no"},
)
def doc_refined_corpus(at: ShardRun) -> dg.MaterializeResult[Any]:
    """The documents after the document programs ran; the dropped ones keep their row, without text."""
    raw = at.finished("raw_documents")
    programs = at.finished("doc_programs")
    threshold = at.catalogue.domain(at.domain).thresholds.keep
    finished = stages.write_doc_refined(at.store, raw, programs, threshold, log_parts(at.context))
    return shard_result(finished, **_fate(finished, "n_tokens"))


@shard_asset(
    deps=[doc_refined_corpus, chunk_refiner],
    group="refinement",
    kinds={"pytorch", "parquet"},
    pool=GPU_POOL,
    schema=CHUNK_PROGRAMS,
    code_version=CODE_VERSION,
    tags={"stage": "chunk", "model": "yes"},
)
def chunk_programs(at: ShardRun) -> dg.MaterializeResult[Any]:
    """A program for each chunk of the kept documents, with the scores of lines, spans and calls."""
    refined = at.finished("doc_refined_corpus")
    loaded = chunk_decider(at.catalogue, at.store, at.domain)
    finished = stages.write_chunk_programs(
        at.store,
        refined,
        loaded,
        log_parts(at.context),
        workers_of(at.catalogue),
        language_of(at.catalogue.domain(at.domain).language),
    )
    return shard_result(
        finished,
        **_cost(finished),
        line_threshold=loaded.refiner.thresholds.line,
        refined_with=loaded.configuration["checkpoint"],
        **_gate(at, loaded.checkpoint, Task.CHUNK),
    )


@shard_asset(
    deps=[doc_refined_corpus, chunk_programs, doc_refiner],
    group="refinement",
    kinds={"parquet"},
    schema=CHUNK_REFINED,
    code_version=CODE_VERSION,
    tags={"stage": "chunk", "model": "no"},
)
def chunk_refined_corpus(at: ShardRun) -> dg.MaterializeResult[Any]:
    """The refined corpus: documents after the chunk programs ran, with every edit on record."""
    section = at.catalogue.domain(at.domain)
    refined = at.finished("doc_refined_corpus")
    programs = at.finished("chunk_programs")
    refuse_returned(refined, programs)
    rails = rails_of(section.execution)
    stored = chunk_thresholds(_checkpoint(at.store, at.domain, "chunk_refiner"))
    finished = stages.write_chunk_refined(
        at.store,
        refined,
        programs,
        _checkpoint(at.store, at.domain, "doc_refiner"),
        rails,
        moved_thresholds(stored, section.thresholds, rails),
        log_parts(at.context),
        language_of(section.language),
    )
    return shard_result(
        finished,
        **_fate(finished, "n_tokens_in", "n_tokens_out"),
        sample=dg.MetadataValue.md(edits_markdown(refined, finished)),
    )


@domain_asset(
    deps=[raw_documents, doc_refiner, chunk_refiner],
    group="refinement",
    kinds={"pytorch"},
    code_version="1",
    device=Device.GPU,
)
def refining_estimate(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """What refining the rest of a domain will cost on this machine: both stages timed on a sample."""
    domain = context.partition_key
    store = catalogue.store()
    found = estimate_refining(
        store,
        domain,
        document_decider(catalogue, store, domain),
        chunk_decider(catalogue, store, domain),
        catalogue.domain(domain).thresholds.keep,
    )
    return dg.MaterializeResult(
        metadata={
            "documents_left": found.documents,
            "shards_left": found.shards,
            "shards_done": found.shards_done,
            "documents_timed": found.sampled,
            "device_hours": found.device_seconds / 3600,
            "stages": table_of([asdict(stage) for stage in found.stages]),
        }
    )


def loaded_document_refiner(catalogue: CatalogueResource, store: Store, domain: str) -> LoadedDocumentRefiner:
    """The domain's document refiner, loaded once per process."""
    settings = engine_settings(catalogue.load().inference)
    return load_document_refiner(_checkpoint(store, domain, "doc_refiner"), settings)


def loaded_chunk_refiner(catalogue: CatalogueResource, store: Store, domain: str) -> LoadedChunkRefiner:
    """The domain's chunk refiner, loaded once per process."""
    settings = engine_settings(catalogue.load().inference)
    return load_chunk_refiner(_checkpoint(store, domain, "chunk_refiner"), settings)


def document_decider(catalogue: CatalogueResource, store: Store, domain: str) -> DocumentDecider:
    """What decides on the domain's documents: its refiner, or what the catalogue puts in its place."""
    settings, section = engine_settings(catalogue.load().inference), catalogue.load().domain(domain).refiner
    return gated_document_refiner(_checkpoint(store, domain, "doc_refiner"), settings, section)


def chunk_decider(catalogue: CatalogueResource, store: Store, domain: str) -> ChunkDecider:
    """What decides on the domain's chunks: its refiner, or what the catalogue puts in its place."""
    settings, section = engine_settings(catalogue.load().inference), catalogue.load().domain(domain).refiner
    return gated_chunk_refiner(_checkpoint(store, domain, "chunk_refiner"), settings, section)


def _gate(at: ShardRun, checkpoint: Path, task: Task) -> dict[str, Any]:
    """The verdict on the refiner, and what was done where it is not reliable."""
    section = at.catalogue.load().domain(at.domain).refiner
    gate = stored_gate(checkpoint, task, section)
    done = {} if gate.is_reliable else {"when_unreliable": section.when_unreliable}
    return {"refiner_quality": str(gate), **done}


def _checkpoint(store: Store, domain: str, asset: str) -> Path:
    return store.artifact(domain, asset).folder / "checkpoint"


def workers_of(catalogue: CatalogueResource) -> int:
    """How many processes help the engine."""
    return catalogue.load().inference.workers


def _cost(finished: FinishedShard) -> dict[str, Any]:
    costs = finished.costs()
    seconds = sum(cost["seconds"] for cost in costs)
    tokens = sum(cost["tokens_in"] for cost in costs)
    parameters = max((cost["parameters"] for cost in costs), default=0)
    possible = sum(cost["device_seconds"] * cost.get("peak", 0.0) for cost in costs)
    return {
        "tokens_in": tokens,
        "seconds": seconds,
        "device_seconds": sum(cost["device_seconds"] for cost in costs),
        "host_seconds": sum(cost["host_seconds"] for cost in costs),
        "operations": float(2 * parameters * tokens),
        "share_of_peak": 2 * parameters * tokens / possible if possible else 0.0,
        "tokens_per_second": tokens / seconds if seconds else 0.0,
    }


def _fate(finished: FinishedShard, tokens_in: str, tokens_out: str | None = None) -> dict[str, Any]:
    """Documents and tokens in and kept, and why the others went."""
    reasons: Counter[str] = Counter()
    documents = tokens = kept_tokens = 0
    for batch in finished.batches():
        kept = pc.equal(batch["status"], KEPT)
        documents += pc.sum(kept).as_py() or 0
        tokens += pc.sum(batch[tokens_in]).as_py() or 0
        survivors = batch.filter(kept)
        kept_tokens += pc.sum(survivors[tokens_out or tokens_in]).as_py() or 0
        reasons.update(batch.filter(pc.invert(kept))["reason"].to_pylist())
    return {
        "documents_kept": documents,
        "document_keep_ratio": documents / finished.rows if finished.rows else 0.0,
        "tokens_in": tokens,
        "tokens_kept": kept_tokens,
        "token_keep_ratio": kept_tokens / tokens if tokens else 0.0,
        "reasons": table_of([{"reason": reason, "documents": count} for reason, count in reasons.items()]),
    }
