"""Building the folder of a published corpus: Parquet files, card, manifest."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.config import Domain
from prox_assets.documents.discovery import HARMLESS
from prox_assets.documents.files import publish_folder, read_json
from prox_assets.documents.sources import known_shards
from prox_assets.documents.store import FinishedShard, ShardKey, Store
from prox_assets.errors import StoreError
from prox_assets.publishing.card import (
    CardInputs,
    card_text,
    check_states,
    completeness,
    name_shards,
    require_sound,
)
from prox_assets.publishing.files import DROPPED, REFINED, ShardStages, published_tables, write_manifest

CODE_VERSION = "2"
CARD = "README.md"


@dataclass(frozen=True, slots=True)
class PublishedCorpus:
    """All that a published corpus is made of.

    `unrefined`: the shards of the domain that are not in it; None where all shards that were read are in it
    and the inputs could not be listed.
    """

    domain: str
    section: Domain
    store: Store
    shards: tuple[ShardStages, ...]
    unrefined: tuple[str, ...] | None = ()

    @classmethod
    def of(cls, store: Store, domain: str, section: Domain, partial: bool = False) -> "PublishedCorpus":
        """Open the refined shards of a domain; with `partial` some of its shards may be missing.

        Raises:
            StoreError: there are none, some are missing, one was refined from other rows than are stored now,
                or a critical check of one failed.
        """
        refined = store.shards(domain, "chunk_refined_corpus")
        if not refined:
            raise StoreError(f"{domain} has no refined shards: materialize chunk_refined_corpus first.")
        unrefined = unrefined_shards(store, domain, section, [shard.key.shard for shard in refined])
        if unrefined and not (partial or section.publishing.partial):
            raise StoreError(
                f"{len(refined)} of {len(refined) + len(unrefined)} shards of {domain} are refined; not "
                f"{name_shards(unrefined)}. Refine them, or publish what is there with --partial (in the "
                "catalogue publishing.partial: true); the card then names what is missing."
            )
        shards = tuple(_stages(store, shard) for shard in refined)
        require_sound(store, shards)
        return cls(domain, section, store, shards, unrefined)

    @property
    def completeness(self) -> str:
        """Say which shards of the domain are not in the corpus."""
        return completeness(self.unrefined)

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the bytes of its tables and what its card says of them."""
        return {
            "asset": "published_corpus",
            "code": CODE_VERSION,
            "domain": self.domain,
            "shards": {shard.name: shard.refined.fingerprint for shard in self.shards},
            "checks": check_states(self.store, self.shards),
            "publishing": self.section.publishing.model_dump(mode="json"),
            "teacher": [self.section.teacher.licence, self.section.teacher.labels_may_be_published],
            "unrefined": None if self.unrefined is None else list(self.unrefined),
        }

    def build(self, folder: Path) -> None:
        """Fill an empty folder. Memory is bounded by a row range."""
        card = card_text(
            self._card_inputs()
        )  # before hours of writing, so that what it lacks is said at once
        (folder / CARD).write_text(card, encoding="utf-8")
        for shard in self.shards:
            with _writers(folder, shard.name) as (kept, dropped):
                for refined, others in published_tables(shard, self.section.publishing.dropped_text):
                    for writer, table in ((kept, refined), (dropped, others)):
                        if table.num_rows:  # datasets cannot load row groups without rows
                            writer.write_table(table)
        about = {name: self.configuration[name] for name in ("domain", "shards", "unrefined")}
        write_manifest(folder, about)

    def publish_to(self, folder: Path) -> None:
        """Build it in a folder that is not there yet; it appears whole.

        Raises:
            StoreError: the folder exists.
        """
        if folder.exists():
            raise StoreError(f"{folder} exists already: name a new folder, or remove that one.")
        if not publish_folder(folder, self.build):
            raise StoreError(f"{folder} was made by somebody else in the meantime: name a new folder.")

    def _card_inputs(self) -> CardInputs:
        refiners = _refiners(self.store, self.domain)
        return CardInputs(self.domain, self.section, self.store, self.shards, refiners, self.unrefined)


def unrefined_shards(
    store: Store, domain: str, section: Domain, refined: Sequence[str]
) -> tuple[str, ...] | None:
    """List the domain's other shards by name: those read, and those that its inputs have now.

    None where all that were read are refined and the inputs cannot be listed.
    """
    listing = known_shards(section.inputs, store.group_log(domain))
    names = {source.name for source in listing.shards}
    names |= {shard.key.shard for shard in store.shards(domain, "raw_documents")}
    missing = tuple(sorted(names - set(refined)))
    listed = all(skipped.reason in HARMLESS for skipped in listing.skipped)
    return missing if listed or missing else None


def _stages(store: Store, refined: FinishedShard) -> ShardStages:
    """Find the stages that a refined shard was made of.

    Raises:
        StoreError: they were written again since.
    """
    domain, shard = refined.key.domain, refined.key.shard
    raw, documents = (
        store.shard(ShardKey(domain, asset, shard)) for asset in ("raw_documents", "doc_refined_corpus")
    )
    for stage, upstream in ((documents, raw), (refined, documents)):
        made_of = store.manifest(stage.key)["configuration"].get("upstreams", {})
        used = made_of.get(upstream.key.asset, upstream.fingerprint)
        if used != upstream.fingerprint or stage.ranges != upstream.ranges:
            raise StoreError(
                f"{stage.key.asset} of {domain}|{shard} was made of other rows than {upstream.key.asset} "
                "holds now; refine that shard again before publishing."
            )
    return ShardStages(raw, documents, refined)


@contextmanager
def _writers(folder: Path, shard: str) -> Iterator[tuple[pq.ParquetWriter, pq.ParquetWriter]]:
    with ExitStack() as stack:
        kept, dropped = (
            stack.enter_context(_writer(folder / name / f"{shard}.parquet", schema))
            for name, schema in (("refined", REFINED), ("dropped", DROPPED))
        )
        yield kept, dropped


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    path.parent.mkdir(parents=True, exist_ok=True)
    return pq.ParquetWriter(path, schema, compression="zstd")


def _refiners(store: Store, domain: str) -> dict[str, dict[str, Any]]:
    """What the refiners' checkpoints say of themselves, with their fingerprints."""
    found = {}
    for name in ("doc_refiner", "chunk_refiner"):
        artifact = store.artifact(domain, name)
        info = read_json(artifact.folder / "checkpoint" / "prox.json")
        found[name] = {"fingerprint": artifact.fingerprint, **info}
    return found
