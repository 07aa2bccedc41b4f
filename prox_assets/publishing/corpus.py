"""Building the folder of a published corpus: Parquet files, card, manifest."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.config import Domain
from prox_assets.documents.files import publish_folder
from prox_assets.documents.store import ShardKey, Store
from prox_assets.errors import StoreError
from prox_assets.publishing.card import CardInputs, card_text
from prox_assets.publishing.checks import check_states, require_sound
from prox_assets.publishing.manifest import write_manifest
from prox_assets.publishing.rows import DROPPED, REFINED, ShardStages, published_tables

CODE_VERSION = "1"
CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Corpus:
    """All that a published corpus is made of."""

    domain: str
    section: Domain
    store: Store
    shards: tuple[ShardStages, ...]

    @classmethod
    def of(cls, store: Store, domain: str, section: Domain) -> "Corpus":
        """The refined shards of a domain.

        Raises:
            StoreError: there are none, or a critical check of one failed.
        """
        refined = store.shards(domain, "chunk_refined_corpus")
        if not refined:
            raise StoreError(f"{domain} has no refined shards: materialize chunk_refined_corpus first.")
        shards = tuple(
            ShardStages(
                store.shard(ShardKey(domain, "raw_documents", one.key.shard)),
                store.shard(ShardKey(domain, "doc_refined_corpus", one.key.shard)),
                one,
            )
            for one in refined
        )
        require_sound(store, shards)
        return cls(domain, section, store, shards)

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
        }

    def build(self, folder: Path) -> None:
        """Fill an empty folder. Memory is bounded by a row range."""
        for shard in self.shards:
            with _writers(folder, shard.name) as (kept, dropped):
                for refined, others in published_tables(shard, self.section.publishing.dropped_text):
                    kept.write_table(refined)
                    dropped.write_table(others)
        (folder / CARD).write_text(card_text(self._card_inputs()), encoding="utf-8")
        write_manifest(folder, {"domain": self.domain, "shards": self.configuration["shards"]})

    def publish_to(self, folder: Path) -> None:
        """Build it in a folder that is not there yet; it appears whole.

        Raises:
            StoreError: the folder exists.
        """
        if folder.exists():
            raise StoreError(f"{folder} exists already: name a new folder, or remove that one.")
        publish_folder(folder, self.build)

    def _card_inputs(self) -> CardInputs:
        return CardInputs(
            self.domain, self.section, self.store, self.shards, _refiners(self.store, self.domain)
        )


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
        info = json.loads((artifact.folder / "checkpoint" / "prox.json").read_text())
        found[name] = {"fingerprint": artifact.fingerprint, **info}
    return found
