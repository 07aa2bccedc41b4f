"""What teaches the refiners of a domain: the annotated seeds, and rounds of hard examples added to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from prox_assets.defs.assets.annotation import ANNOTATIONS_FILE
from prox_assets.defs.assets.corpus import SEEDS_FILE
from prox_assets.documents.files import fingerprint, read_table
from prox_assets.documents.store import Artifact, Store
from prox_assets.teacher.hard_examples import Round, read_rounds

HARD_EXAMPLES = "hard_examples"
DOC_ANNOTATIONS_FILE, CHUNK_ANNOTATIONS_FILE = "doc_annotations.parquet", "chunk_annotations.parquet"
_SOURCES = ("seed_documents", "doc_annotations", "chunk_annotations")


@dataclass(frozen=True, slots=True)
class Teaching:
    """Seeds and annotations, those of the rounds included; `hard` are the ids of the rounds' documents."""

    seeds: pa.Table
    documents: pa.Table
    chunks: pa.Table
    hard: frozenset[str]


def teaching_sources(store: Store, domain: str) -> dict[str, Artifact]:
    """The present seeds and annotations of a domain."""
    return {name: store.artifact(domain, name) for name in _SOURCES}


def lineage(sources: Mapping[str, Artifact]) -> str:
    """What rounds belong to: other seeds or annotations begin anew."""
    return fingerprint({name: artifact.fingerprint for name, artifact in sources.items()})


def finished_rounds(store: Store, domain: str) -> tuple[Round, ...]:
    """The rounds that add to the present seeds and annotations, the end on record included."""
    return read_rounds(store.root / domain / HARD_EXAMPLES, lineage(teaching_sources(store, domain)))


def trained_on(store: Store, domain: str) -> list[str] | None:
    """The fingerprints of the rounds that both present refiners were trained on.

    None where they were not trained on the present dataset, or that is not of the present seeds.
    """
    dataset = store.artifact(domain, "sft_dataset")
    refiners = [store.artifact(domain, name) for name in ("doc_refiner", "chunk_refiner")]
    if any(store.configuration(refiner)["dataset"] != dataset.fingerprint for refiner in refiners):
        return None
    configuration = store.configuration(dataset)
    sources = {name: artifact.fingerprint for name, artifact in teaching_sources(store, domain).items()}
    return configuration["rounds"] if configuration["upstreams"] == sources else None


def teaching_tables(sources: Mapping[str, Artifact], rounds: Sequence[Round]) -> Teaching:
    """Everything that is annotated."""
    added = [read_table(one.folder / SEEDS_FILE) for one in rounds]
    seeds = read_table(sources["seed_documents"].folder / SEEDS_FILE)
    return Teaching(
        pa.concat_tables([seeds, *added]),
        _annotations(sources["doc_annotations"], rounds, DOC_ANNOTATIONS_FILE),
        _annotations(sources["chunk_annotations"], rounds, CHUNK_ANNOTATIONS_FILE),
        frozenset(doc_id for table in added for doc_id in table["doc_id"].to_pylist()),
    )


def _annotations(source: Artifact, rounds: Sequence[Round], file: str) -> pa.Table:
    own = read_table(source.folder / ANNOTATIONS_FILE)
    return pa.concat_tables([own, *(read_table(one.folder / file) for one in rounds)])
