"""The four stages of one shard, each a function from finished shards to a finished shard."""

from functools import partial
from pathlib import Path
from typing import Any

from prox_assets.documents.store import FinishedShard, ShardKey, ShardWriter, Store
from prox_assets.programs import Rails
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refining import chunk_stage as chunks
from prox_assets.refining import document_stage as documents
from prox_assets.refining.chunk_stage import TokenCounter
from prox_assets.refining.driver import OnProgress, Transform, map_parts, stream_parts
from prox_assets.refining.execution import ReleasedExecutor
from prox_assets.refining.models import (
    ChunkDecider,
    DocumentDecider,
    checkpoint_fingerprint,
    chunk_work,
    document_work,
    language_configuration,
    rails_configuration,
)

CODE_VERSION = "3"


def write_doc_programs(
    store: Store, raw: FinishedShard, loaded: DocumentDecider, report: OnProgress, workers: int = 0
) -> FinishedShard:
    """Have the document refiner judge every document of a shard, with `workers` processes beside it."""
    writer = _writer(store, "doc_programs", (raw,), loaded.configuration)
    work = document_work(loaded.checkpoint, loaded.refiner)
    return stream_parts((raw,), writer, work, report, workers, loaded.cost)


def write_doc_refined(
    store: Store,
    raw: FinishedShard,
    programs: FinishedShard,
    keep_threshold: float | None,
    report: OnProgress,
) -> FinishedShard:
    """Run the document programs of a shard; needs no model."""
    transform = partial(documents.execute_programs, keep_threshold)
    configuration = {"keep_threshold": keep_threshold}
    return _stage(store, "doc_refined_corpus", (raw, programs), configuration, transform, report)


def write_chunk_programs(
    store: Store,
    refined: FinishedShard,
    loaded: ChunkDecider,
    report: OnProgress,
    workers: int = 0,
    language: Language = PROX,
) -> FinishedShard:
    """Have the chunk refiner write a program for every chunk of a shard's kept documents."""
    configuration = loaded.configuration | language_configuration(language)
    writer = _writer(store, "chunk_programs", (refined,), configuration)
    work = chunk_work(loaded.checkpoint, loaded.refiner, language)
    return stream_parts((refined,), writer, work, report, workers, loaded.cost)


def write_chunk_refined(
    store: Store,
    refined: FinishedShard,
    programs: FinishedShard,
    doc_refiner: Path,
    rails: Rails | None,
    thresholds: ChunkThresholds | None,
    report: OnProgress,
    language: Language = PROX,
) -> FinishedShard:
    """Run the chunk programs of a shard; needs no model, only the tokenizer of `doc_refiner`, which counts.

    Without `rails` the released executor runs, as the ProX profile has it; thresholds do not move then.
    """
    configuration = {
        "rails": None if rails is None else rails_configuration(rails),
        "thresholds": None if thresholds is None else [thresholds.line, thresholds.span],
        "counter": checkpoint_fingerprint(doc_refiner),
        **language_configuration(language),
    }
    counter = TokenCounter(doc_refiner)
    executor: Transform = (
        ReleasedExecutor(counter)
        if rails is None
        else chunks.ChunkExecutor(counter, rails, thresholds, language)
    )
    return _stage(store, "chunk_refined_corpus", (refined, programs), configuration, executor, report)


def _stage(
    store: Store,
    asset: str,
    upstreams: tuple[FinishedShard, ...],
    configuration: dict[str, Any],
    transform: Transform,
    report: OnProgress,
) -> FinishedShard:
    return map_parts(upstreams, _writer(store, asset, upstreams, configuration), transform, report)


def _writer(
    store: Store, asset: str, upstreams: tuple[FinishedShard, ...], configuration: dict[str, Any]
) -> ShardWriter:
    key = ShardKey(upstreams[0].key.domain, asset, upstreams[0].key.shard)
    full = {
        "asset": asset,
        "code": CODE_VERSION,
        "upstreams": {one.key.asset: one.fingerprint for one in upstreams},
        **configuration,
    }
    return store.writer(key, full)
