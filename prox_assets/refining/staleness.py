"""Which shards were refined with something else than what is in force now, read off their manifests."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.config import Domain, RefinerSection
from prox_assets.documents.files import fingerprint
from prox_assets.documents.remote import CONNECTIONS
from prox_assets.documents.store import ShardKey, Store
from prox_assets.inference import Task
from prox_assets.refining.gating import KEEP_ALL, replaced
from prox_assets.refining.models import (
    checkpoint_fingerprint,
    chunk_thresholds,
    language_configuration,
    language_of,
    moved_thresholds,
    rails_configuration,
    rails_of,
)

_STAGES = ("doc_programs", "doc_refined_corpus", "chunk_programs", "chunk_refined_corpus")


@dataclass(frozen=True, slots=True)
class RefinedWith:
    """What decides how a domain's shards are refined; `values` by the words that people are told.

    Settings that do not change what is meant, such as batch sizes, are none of it.
    """

    values: Mapping[str, Any]

    def differences(self, other: "RefinedWith") -> tuple[str, ...]:
        """What of it the other has otherwise."""
        return tuple(
            name for name, value in self.values.items() if _plain(value) != _plain(other.values[name])
        )


def present_settings(store: Store, domain: str, section: Domain) -> RefinedWith:
    """What a shard would be refined with now.

    Raises:
        StoreError: the domain has no refiners yet.
    """
    document, chunk = (
        store.artifact(domain, asset).folder / "checkpoint" for asset in ("doc_refiner", "chunk_refiner")
    )
    rails = rails_of(section.execution)
    moved = moved_thresholds(chunk_thresholds(chunk), section.thresholds, rails)
    return RefinedWith(
        {
            "doc_refiner": checkpoint_fingerprint(document),
            "chunk_refiner": checkpoint_fingerprint(chunk),
            "document fallback": _fallback(document, Task.DOCUMENT, section.refiner),
            "chunk fallback": _fallback(chunk, Task.CHUNK, section.refiner),
            "keep threshold": section.thresholds.keep,
            "chunk thresholds": None if moved is None else [moved.line, moved.span],
            "guard rails": None if rails is None else rails_configuration(rails),
            "language": language_configuration(language_of(section.language)).get("language"),
        }
    )


def stale_reasons(store: Store, domain: str, shard: str, now: RefinedWith) -> tuple[str, ...]:
    """Why a refined shard is not what it would be if it were refined now; empty where it is.

    Raises:
        StoreError: it is not refined.
    """
    raw, *stages = (store.manifest(ShardKey(domain, asset, shard)) for asset in ("raw_documents", *_STAGES))
    judged, dropped, edited, executed = (stage["configuration"] for stage in stages)
    then = RefinedWith(
        {
            "doc_refiner": judged["checkpoint"],
            "chunk_refiner": edited["checkpoint"],
            "document fallback": judged.get("fallback"),
            "chunk fallback": edited.get("fallback"),
            "keep threshold": dropped["keep_threshold"],
            "chunk thresholds": executed["thresholds"],
            "guard rails": executed["rails"],
            "language": executed.get("language"),
        }
    )
    other_documents = judged["upstreams"]["raw_documents"] != raw["fingerprint"]
    return (("raw_documents",) if other_documents else ()) + then.differences(now)


def stale_shards(
    store: Store, domain: str, shards: Sequence[str], now: RefinedWith
) -> dict[str, tuple[str, ...]]:
    """The stale ones of refined shards, in their order, with the reasons; five small files are read of each.

    Several at a time where they are in S3.
    """
    with ThreadPoolExecutor(CONNECTIONS if store.remote else 1) as readers:
        reasons = readers.map(lambda shard: stale_reasons(store, domain, shard, now), shards)
        return {shard: why for shard, why in zip(shards, reasons, strict=True) if why}


def _fallback(checkpoint: Path, task: Task, section: RefinerSection) -> str | None:
    """What a refiner is replaced by; where it is refused, shards are no staler for it."""
    keeps_all = section.when_unreliable == KEEP_ALL and replaced(checkpoint, task, section)
    return KEEP_ALL if keeps_all else None


def _plain(value: Any) -> str:
    return fingerprint({"value": value})
