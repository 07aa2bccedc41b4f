"""Two pairs of refiners on a sample of a shard, before the domain switches to one of them."""

from dataclasses import dataclass
from pathlib import Path

from prox_assets.config import Catalogue
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store, open_store
from prox_assets.errors import InputError
from prox_assets.refining import shards
from prox_assets.refining.loaded import (
    engine_settings,
    language_of,
    load_chunk_refiner,
    load_document_refiner,
    moved_thresholds,
    rails_of,
)
from prox_assets.refining.parts import silent
from prox_assets.review.comparison import Comparison, compare
from prox_assets.review.sides import Side

_TASKS = ("doc_refiner", "chunk_refiner")


@dataclass(frozen=True, slots=True)
class RefinerPair:
    """The checkpoints of a document and a chunk refiner, under a name for people."""

    name: str
    document: Path
    chunk: Path


def present_pair(store: Store, domain: str) -> RefinerPair:
    """The refiners that the domain is refined with. Raises StoreError where there are none."""
    document, chunk = (store.artifact(domain, asset).folder / "checkpoint" for asset in _TASKS)
    return RefinerPair("present", document, chunk)


def other_pair(store: Store, domain: str, document: str = "", chunk: str = "") -> RefinerPair:
    """The refiners to try: checkpoint folders; where one is not named, the newest that is not in use.

    Where the domain has trained no other, it is the present one, so that the other stage is compared alone.
    """
    present = present_pair(store, domain)
    pair = RefinerPair(
        "tried",
        Path(document) if document else _newest_other(present.document),
        Path(chunk) if chunk else _newest_other(present.chunk),
    )
    if (pair.document, pair.chunk) == (present.document, present.chunk):
        raise InputError(
            f"{domain} has no other refiners than the present ones: train some, or name a checkpoint folder."
        )
    return pair


def compare_refiners(
    catalogue: Catalogue,
    domain: str,
    shard: str,
    pairs: tuple[RefinerPair, RefinerPair],
    sample: int,
    folder: Path,
) -> Comparison:
    """Refine the first `sample` documents of a shard with both pairs and compare what they remove.

    The stages of both stand in `folder` too, away from the domain's own. Raises StoreError without raw
    documents.
    """
    raw = open_store(catalogue.storage).shard(ShardKey(domain, "raw_documents", shard))
    left, right = (
        Side(pair.name, _refined(catalogue, raw, pair, sample, Store(folder / pair.name))) for pair in pairs
    )
    return compare(_sampled(raw, sample, Store(folder / pairs[0].name)), left, right, folder)


def _refined(
    catalogue: Catalogue, raw: FinishedShard, pair: RefinerPair, sample: int, store: Store
) -> FinishedShard:
    section, settings = catalogue.domain(raw.key.domain), engine_settings(catalogue.inference)
    documents = load_document_refiner(pair.document, settings)
    chunks = load_chunk_refiner(pair.chunk, settings)
    source = _sampled(raw, sample, store)
    judged = shards.write_doc_programs(store, source, documents, silent)
    kept = shards.write_doc_refined(store, source, judged, section.thresholds.keep, silent)
    language = language_of(section.language)
    edited = shards.write_chunk_programs(store, kept, chunks, silent, language=language)
    rails = rails_of(section.execution)
    moved = moved_thresholds(chunks.refiner.thresholds, section.thresholds, rails)
    return shards.write_chunk_refined(store, kept, edited, pair.document, rails, moved, silent, language)


def _sampled(raw: FinishedShard, sample: int, store: Store) -> FinishedShard:
    """The first documents of a shard as a shard of their own, cut into the same ranges."""
    writer = store.writer(raw.key, {"asset": "raw_documents", "of": raw.fingerprint, "sample": sample})
    left = sample
    for rows in raw.ranges:
        if left <= 0:
            break
        table = raw.read(rows).slice(0, left)
        writer.commit(RowRange(rows.start, rows.stop), table)
        left -= table.num_rows
    return writer.finish()


def _newest_other(present: Path) -> Path:
    others = [path for path in present.parent.parent.glob("*/checkpoint") if path != present]
    return max(others, key=lambda path: path.stat().st_mtime, default=present)
