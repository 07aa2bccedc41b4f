"""A round of hard examples: what refiners and teacher disagree on goes back to training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import Domain
from prox_assets.defs.assets.corpus import SEEDS_FILE, raw_documents
from prox_assets.defs.assets.refinement import loaded_chunk_refiner, loaded_document_refiner
from prox_assets.defs.assets.training import CHECKPOINT, chunk_refiner, doc_refiner
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import Device, domain_asset
from prox_assets.defs.training_data import (
    CHUNK_ANNOTATIONS_FILE,
    DOC_ANNOTATIONS_FILE,
    HARD_EXAMPLES,
    finished_rounds,
    lineage,
    teaching_sources,
    teaching_tables,
    trained_on,
)
from prox_assets.defs.ui import artifact_result, table_of
from prox_assets.documents.files import read_table, write_json, write_table
from prox_assets.documents.store import Store
from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.refiner.bases import require_bases
from prox_assets.refiner.checkpoint import read_info
from prox_assets.refining.estimate import refiner_scores
from prox_assets.teacher.agreement import document_judgements, line_marks
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.hard_examples import (
    RECORD_FILE,
    FreshPool,
    Round,
    RoundRecord,
    Step,
    Validation,
    disagreements,
    hardest,
    next_step,
    pool_table,
    with_examples,
)
from prox_assets.teacher.interface import Teacher
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.sampling import Holdout

POOL_FILE = "pool.parquet"
_CODE_VERSION = "1"
_WHAT_NEXT = {
    Step.WAIT: "train on the last round first: run teach_and_train again",
    Step.GO: "run teach_and_train again to train on this round",
    Step.STOP: "validation F1 has stopped rising",
    Step.ENDED: "validation F1 has stopped rising",
    Step.DONE: "as many rounds as the catalogue asks for",
}


@domain_asset(
    deps=[raw_documents, doc_refiner, chunk_refiner],
    group="training",
    kinds={"parquet", "pytorch"},
    code_version=_CODE_VERSION,
    device=Device.GPU,
)
def hard_examples(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Fresh documents on which refiners and teacher disagree most, annotated, for the next training."""
    domain = context.partition_key
    section = catalogue.domain(domain)
    store = catalogue.store()
    rounds, settings = finished_rounds(store, domain), section.hard_examples
    if not settings.rounds:
        off = "hard_examples.rounds is 0 in the catalogue"
        return dg.MaterializeResult(metadata={"rounds": len(with_examples(rounds)), "next": off})
    require_bases(section.refiner)  # before a teacher is paid for what cannot be trained
    now = _validation(store, domain)
    step = next_step(rounds, settings.rounds, settings.min_gain, trained_on(store, domain), now)
    context.log.info(f"{len(with_examples(rounds))} rounds so far: {_WHAT_NEXT[step]}")
    if step not in (Step.GO, Step.STOP):
        return dg.MaterializeResult(metadata=_metadata(rounds, now, step))
    empty = RoundRecord(len(rounds) + 1, lineage(teaching_sources(store, domain)), now)

    def build(folder: Path) -> None:
        record = replace(empty, stopped=_why(rounds, now)) if step is Step.STOP else None
        found = record or _write_examples(catalogue, domain, rounds, folder, empty)
        write_json(found.to_json(), folder / RECORD_FILE)

    configuration = _configuration(store, domain, section, rounds, step)
    artifact = store.publish(domain, HARD_EXAMPLES, configuration, build)
    return artifact_result(artifact, **_metadata(finished_rounds(store, domain), now, step))


def _configuration(
    store: Store, domain: str, section: Domain, rounds: Sequence[Round], step: Step
) -> dict[str, Any]:
    return {
        "asset": HARD_EXAMPLES,
        "code": _CODE_VERSION,
        "step": step,
        "lineage": lineage(teaching_sources(store, domain)),
        "rounds": [one.fingerprint for one in rounds],
        "refiners": [store.artifact(domain, name).fingerprint for name in ("doc_refiner", "chunk_refiner")],
        "teacher": _teacher(section, store, domain).prompt_hash,
        "settings": section.hard_examples.model_dump(mode="json", exclude={"rounds"}),
        "seeds": section.seeds.model_dump(mode="json"),
        "shards": {shard.key.shard: shard.fingerprint for shard in store.shards(domain, "raw_documents")},
    }


def _validation(store: Store, domain: str) -> Validation:
    """The validation F1 of the present refiners.

    Raises:
        RefinerError: there was nothing to validate on.
    """
    scores = [
        read_info(store.artifact(domain, name).folder / CHECKPOINT, task).metrics.get("f1")
        for name, task in (("doc_refiner", Task.DOCUMENT), ("chunk_refiner", Task.CHUNK))
    ]
    document, chunk = scores
    if document is None or chunk is None:
        raise RefinerError(
            f"The refiners of {domain} have no validation F1, by which rounds of hard examples are judged: "
            "raise refiner.validation_share or seeds.size, or set hard_examples.rounds to 0."
        )
    return Validation(document, chunk)


def _write_examples(
    catalogue: CatalogueResource, domain: str, rounds: Sequence[Round], folder: Path, empty: RoundRecord
) -> RoundRecord:
    """Ask refiners and teacher about a fresh pool, and keep the documents on which they disagree most."""
    section, store = catalogue.domain(domain), catalogue.store()
    pool = _pool(section, store, domain, rounds)
    teacher = _teacher(section, store, domain)
    documents, chunks = teacher.annotate_documents(pool), teacher.annotate_chunks(pool)
    scores = refiner_scores(
        loaded_document_refiner(catalogue, store, domain).refiner,
        loaded_chunk_refiner(catalogue, store, domain).refiner,
        pool["text"].to_pylist(),
    )
    found = list(
        disagreements(
            dict(zip(pool["doc_id"].to_pylist(), scores, strict=True)),
            document_judgements(documents),
            line_marks(pool, chunks),
        )
    )
    chosen = hardest(found, section.hard_examples.size)
    ids = pa.array([one.doc_id for one in chosen], pa.string())
    write_table(pool_table(found, chosen), folder / POOL_FILE)
    for table, file in (
        (pool, SEEDS_FILE),
        (documents, DOC_ANNOTATIONS_FILE),
        (chunks, CHUNK_ANNOTATIONS_FILE),
    ):
        write_table(table.filter(pc.is_in(table["doc_id"], value_set=ids)), folder / file)
    mean = sum(one.total for one in chosen) / len(chosen) if chosen else 0.0
    return replace(empty, pool=pool.num_rows, examples=len(chosen), mean_disagreement=mean)


def _teacher(section: Domain, store: Store, domain: str) -> Teacher:
    corpus = Corpus.of_shards(store.shards(domain, "raw_documents"))
    return open_teacher(section.teacher, store.root / domain, corpus=corpus)


def _pool(section: Domain, store: Store, domain: str, rounds: Sequence[Round]) -> pa.Table:
    """Documents that are neither seeds nor held out, nor of the pool of an earlier round."""
    seeds = teaching_tables(teaching_sources(store, domain), ()).seeds
    pools = [read_table(one.folder / POOL_FILE)["doc_id"].to_pylist() for one in with_examples(rounds)]
    pool = FreshPool(
        section.hard_examples.pool,
        section.seeds.seed,
        {*seeds["doc_id"].to_pylist(), *(doc_id for ids in pools for doc_id in ids)},
        seeds["text"].to_pylist(),
        Holdout.of(section.seeds.holdout) if section.seeds.holdout else None,
    )
    for shard in store.shards(domain, "raw_documents"):
        for batch in shard.batches():
            pool.add(batch, shard.key.shard)
    return pool.table()


def _why(rounds: Sequence[Round], now: Validation) -> str:
    last = rounds[-1].record
    return (
        f"round {last.number} took validation F1 from {last.before.document:.4f} to {now.document:.4f} "
        f"(documents) and from {last.before.chunk:.4f} to {now.chunk:.4f} (lines)"
    )


def _metadata(rounds: Sequence[Round], now: Validation, step: Step) -> dict[str, Any]:
    rows = [
        {
            "round": one.record.number,
            "document F1 before": one.record.before.document,
            "line F1 before": one.record.before.chunk,
            "pool": one.record.pool,
            "examples": one.record.examples,
            "mean disagreement": one.record.mean_disagreement,
            "stopped": one.record.stopped,
            "fingerprint": one.fingerprint,
        }
        for one in rounds
    ]
    return {
        "rounds": len(with_examples(rounds)),
        "history": table_of(rows),
        "validation_f1_documents": now.document,
        "validation_f1_lines": now.chunk,
        "next": _WHAT_NEXT[step],
    }
