"""The variants that can be compared: runs of a shard, other storages, other thresholds."""

import re
from dataclasses import dataclass
from pathlib import Path

from prox_assets.config import Catalogue, ThresholdsSection
from prox_assets.config.loading import load_catalogue
from prox_assets.documents.store import FinishedShard, ShardKey, Store, open_store
from prox_assets.errors import CatalogueError, InputError
from prox_assets.refining import stages as shards
from prox_assets.refining.driver import silent
from prox_assets.refining.execution import refuse_returned
from prox_assets.refining.models import chunk_thresholds, language_of, moved_thresholds, rails_of

CURRENT = "current"
_THRESHOLDS = re.compile(r"(?:(?:keep|line|span)=[0-9.]+,?)+")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared: its name, and the refined shard."""

    name: str
    refined: FinishedShard


@dataclass(frozen=True, slots=True)
class ShardOf:
    """The shard that is compared, in the catalogue's storage; `scratch` is where it may be executed again."""

    catalogue: Catalogue
    domain: str
    shard: str
    scratch: Path

    @classmethod
    def open(cls, catalogue: Path | None, domain: str, shard: str, scratch: Path) -> "ShardOf":
        """Load the catalogue, and see that it has the domain."""
        settings = load_catalogue(catalogue)
        settings.domain(domain)
        return cls(settings, domain, shard, scratch)

    @property
    def store(self) -> Store:
        """The catalogue's storage."""
        return open_store(self.catalogue.storage)

    def stage(self, asset: str) -> FinishedShard:
        """A stage of the shard, as readers see it."""
        return self.store.shard(ShardKey(self.domain, asset, self.shard))

    def side(self, name: str) -> Side:
        """`current`, the beginning of a fingerprint, another storage, or thresholds (`keep=0.5,line=0.4`).

        Raises:
            InputError: it is none of these.
        """
        if name == CURRENT:
            return Side(name, self.stage("chunk_refined_corpus"))
        if _THRESHOLDS.fullmatch(name):
            return Side(name, self._executed(_thresholds(name)))
        key = ShardKey(self.domain, "chunk_refined_corpus", self.shard)
        if Path(name).is_dir():
            return Side(name, Store(Path(name)).shard(key))
        return Side(name, _run(self.store, key, name))

    def _executed(self, thresholds: ThresholdsSection) -> FinishedShard:
        """The stored programs executed at other thresholds; no model runs."""
        section, store = self.catalogue.domain(self.domain), Store(self.scratch)
        wanted = section.thresholds.model_copy(update=thresholds.model_dump(exclude_none=True))
        folders = {
            name: self.store.artifact(self.domain, name).folder / "checkpoint"
            for name in ("doc_refiner", "chunk_refiner")
        }
        refined = shards.write_doc_refined(
            store, self.stage("raw_documents"), self.stage("doc_programs"), wanted.keep, silent
        )
        programs, rails = self.stage("chunk_programs"), rails_of(section.execution)
        refuse_returned(refined, programs)
        return shards.write_chunk_refined(
            store,
            refined,
            programs,
            folders["doc_refiner"],
            rails,
            moved_thresholds(chunk_thresholds(folders["chunk_refiner"]), wanted, rails),
            silent,
            language_of(section.language),
        )


def _thresholds(text: str) -> ThresholdsSection:
    values = dict(pair.split("=") for pair in text.rstrip(",").split(","))
    try:
        return ThresholdsSection(**{name: float(value) for name, value in values.items()})
    except ValueError as error:
        raise CatalogueError(
            f"{text}: thresholds are numbers from 0 to 1, as in keep=0.5,line=0.4."
        ) from error


def _run(store: Store, key: ShardKey, beginning: str) -> FinishedShard:
    runs = store.runs(key)
    found = [run for run in runs if run.startswith(beginning)]
    if len(found) != 1:
        raise InputError(
            f"{beginning!r} is neither current, a storage, thresholds, nor one run of "
            f"{key.domain}|{key.shard}; its runs are: {', '.join(runs) or 'none'}."
        )
    return store.run(key, found[0])
