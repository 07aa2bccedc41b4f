"""How good the refiners are, on documents that no teacher has seen."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import Domain
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.refinement import loaded_chunk_refiner, loaded_document_refiner
from prox_assets.defs.assets.training import (
    CHUNKS_FILE,
    DOCUMENTS_FILE,
    chunk_refiner,
    doc_refiner,
    sft_dataset,
)
from prox_assets.defs.devices import GPU_POOL
from prox_assets.defs.guarded import guarded_on_device
from prox_assets.defs.metadata import artifact_result, table_of
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import file_fingerprint, read_json, read_table, write_json
from prox_assets.documents.schema import SEEDS
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.programs import Rails
from prox_assets.refining.evaluation import read_labels, refiner_answers
from prox_assets.refining.loaded import rails_of
from prox_assets.refining.ngram_baseline import ngram_answers, train_ngrams
from prox_assets.refining.rules_baseline import rules_answers
from prox_assets.refining.score_sheet import LabelledPages, compared
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.rules.teacher import RulesTeacher
from prox_assets.teacher.sampling import Holdout

EVALUATION_FILE = "evaluation.json"


@dg.asset(
    partitions_def=domains,
    deps=[raw_documents, sft_dataset, doc_refiner, chunk_refiner],
    group_name="training",
    kinds={"pytorch", "scikitlearn"},
    owners=["team:data"],
    pool=GPU_POOL,
    code_version="2",
)
@guarded_on_device
def refiner_evaluation(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Both refiners against held-out labels, in all and by group, beside the baselines on the same rows."""
    domain = context.partition_key
    section = catalogue.domain(domain)
    store = catalogue.store()
    upstreams = {
        name: store.artifact(domain, name) for name in ("sft_dataset", "doc_refiner", "chunk_refiner")
    }
    raw = store.shards(domain, "raw_documents")

    def build(folder: Path) -> None:
        labels = held_out_labels(section, raw)
        result: dict[str, Any] = {"labelled_documents": 0 if labels is None else labels.num_rows}
        if labels is not None and labels.num_rows:
            context.log.info(f"{labels.num_rows} labelled documents that are no seeds")
            pages, rails = LabelledPages.of(labels), rails_of(section.execution) or Rails()
            ours = refiner_answers(
                loaded_document_refiner(catalogue, store, domain).refiner,
                loaded_chunk_refiner(catalogue, store, domain).refiner,
                pages,
                rails,
            )
            dataset = upstreams["sft_dataset"].folder
            linear = train_ngrams(read_table(dataset / DOCUMENTS_FILE), read_table(dataset / CHUNKS_FILE))
            baselines = {
                "rules": rules_answers(
                    RulesTeacher(corpus=Corpus.of_shards(raw)), labelled_documents(raw, labels), pages, rails
                ),
                "ngrams": ngram_answers(*linear, pages),
            }
            result |= compared(pages, ours, baselines)
        write_json(result, folder / EVALUATION_FILE)

    configuration = {
        "asset": "refiner_evaluation",
        "code": "4",
        "upstreams": {name: artifact.fingerprint for name, artifact in upstreams.items()},
        "labels": file_fingerprint(section.evaluation.labels) if section.evaluation else None,
        "max_documents": section.evaluation.max_documents if section.evaluation else None,
        "holdout": section.seeds.holdout.model_dump(mode="json") if section.seeds.holdout else None,
        "execution": section.execution.model_dump(mode="json"),
        "shards": {shard.key.shard: shard.fingerprint for shard in raw},
    }
    artifact = store.publish(domain, "refiner_evaluation", configuration, build)
    return artifact_result(artifact, **_figures(read_evaluation(store, domain)))


def read_evaluation(store: Store, domain: str) -> dict[str, Any]:
    """The figures of a domain's refiners."""
    return read_json(store.artifact(domain, "refiner_evaluation").folder / EVALUATION_FILE)


def held_out_labels(section: Domain, raw: tuple[FinishedShard, ...]) -> pa.Table | None:
    """The labels of documents that can never be seeds; None without labels or holdout in the catalogue."""
    if section.evaluation is None or section.seeds.holdout is None:
        return None
    holdout = Holdout.of(section.seeds.holdout)
    ids = {
        row["doc_id"]
        for shard in raw
        for batch in shard.batches(["doc_id", "url", "source", "metadata"])
        for row in batch.to_pylist()
        if holdout.holds(row["url"], row["source"], row["metadata"], row["doc_id"])
    }
    return read_labels(section.evaluation.labels, ids, section.evaluation.max_documents)


def labelled_documents(raw: tuple[FinishedShard, ...], labels: pa.Table) -> pa.Table:
    """The documents that labels are of, as a teacher takes them (`SEEDS`)."""
    wanted = pa.array(labels["id"].to_pylist(), pa.string())
    parts = [SEEDS.empty_table()]
    for shard in raw:
        for batch in shard.batches():
            found = pa.Table.from_batches([batch]).filter(pc.is_in(batch["doc_id"], value_set=wanted))
            names = pa.array([shard.key.shard] * found.num_rows, pa.string())
            parts.append(found.append_column(SEEDS.field("shard"), names).cast(SEEDS))
    return pa.concat_tables(parts)


def _figures(evaluation: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {"labelled_documents": evaluation["labelled_documents"]}
    for part in ("documents", "lines", "characters", "programs"):
        for name, value in evaluation.get(part, {}).items():
            figures[f"{part.removesuffix('s')}_{name}"] = value
    for baseline, scores in evaluation.get("baselines", {}).items():
        for part in ("documents", "lines", "characters"):
            if part in scores:
                figures[f"{part.removesuffix('s')}_f1_of_the_{baseline}"] = scores[part]["f1"]
    for column, groups in evaluation.get("lines_by", {}).items():
        rows = [
            {column: group, "f1": scores["f1"], "lines": scores["n"], "documents": scores["n_documents"]}
            for group, scores in groups.items()
        ]
        figures[f"line_f1_by_{column}"] = table_of(rows)
    return figures
