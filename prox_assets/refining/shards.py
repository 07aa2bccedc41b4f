"""The four stages of one shard, each a function from finished shards to a finished shard."""

from functools import partial
from typing import Any

import pyarrow as pa

from prox_assets.documents.store import FinishedShard, ShardKey, Store
from prox_assets.programs import Rails
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refining import chunks, documents
from prox_assets.refining.loaded import LoadedChunkRefiner, LoadedDocumentRefiner, rails_configuration
from prox_assets.refining.parts import OnProgress, PartResult, Transform, map_parts
from prox_assets.refining.released import ReleasedExecutor

_CODE_VERSION = "1"


def write_doc_programs(
    store: Store, raw: FinishedShard, loaded: LoadedDocumentRefiner, report: OnProgress
) -> FinishedShard:
    """Have the document refiner judge every document of a shard."""
    transform = _priced(partial(documents.write_programs, loaded.refiner), loaded.cost)
    return _stage(store, "doc_programs", (raw,), loaded.configuration, transform, report)


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
    store: Store, refined: FinishedShard, loaded: LoadedChunkRefiner, report: OnProgress
) -> FinishedShard:
    """Have the chunk refiner write a program for every chunk of a shard's kept documents."""
    transform = _priced(partial(chunks.write_programs, loaded.refiner), loaded.cost)
    return _stage(store, "chunk_programs", (refined,), loaded.configuration, transform, report)


def write_chunk_refined(
    store: Store,
    refined: FinishedShard,
    programs: FinishedShard,
    counter: LoadedDocumentRefiner,
    rails: Rails | None,
    thresholds: ChunkThresholds | None,
    report: OnProgress,
) -> FinishedShard:
    """Run the chunk programs of a shard; needs no model, only the tokenizer that counts.

    Without `rails` the released executor runs, as the ProX profile has it; thresholds do not move then.
    """
    configuration = {
        "rails": None if rails is None else rails_configuration(rails),
        "thresholds": None if thresholds is None else [thresholds.line, thresholds.span],
        "counter": counter.configuration["checkpoint"],
    }
    executor: Transform = (
        ReleasedExecutor(counter.refiner)
        if rails is None
        else chunks.ChunkExecutor(counter.refiner, rails, thresholds)
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
    key = ShardKey(upstreams[0].key.domain, asset, upstreams[0].key.shard)
    full = {
        "asset": asset,
        "code": _CODE_VERSION,
        "upstreams": {one.key.asset: one.fingerprint for one in upstreams},
        **configuration,
    }
    return map_parts(upstreams, store.writer(key, full), transform, report)


def _priced(transform: Transform, price: dict[str, Any]) -> Transform:
    def priced(*tables: pa.Table) -> PartResult:
        result: PartResult = transform(*tables)
        return PartResult(result.table, {**price, **result.cost})

    return priced
