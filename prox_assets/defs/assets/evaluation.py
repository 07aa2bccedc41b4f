"""How good the refiners are on documents that no teacher has seen, and how far teachers agree."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import Domain
from prox_assets.defs.assets.annotation import ANNOTATIONS_FILE, chunk_annotations, doc_annotations
from prox_assets.defs.assets.corpus import SEEDS_FILE, raw_documents, seed_documents
from prox_assets.defs.assets.refinement import loaded_chunk_refiner, loaded_document_refiner
from prox_assets.defs.assets.training import (
    CHUNKS_FILE,
    DOCUMENTS_FILE,
    chunk_refiner,
    doc_refiner,
    sft_dataset,
)
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import (
    Device,
    domain_asset,
)
from prox_assets.defs.ui import artifact_result, table_of
from prox_assets.documents.files import file_fingerprint, read_json, read_table, write_json
from prox_assets.documents.schema import SEEDS
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.evaluation.baselines import ngram_answers, rules_answers, train_ngrams
from prox_assets.evaluation.report import LabelledPages, compared, read_labels, refiner_answers
from prox_assets.programs import Rails
from prox_assets.quality.report.text import block, inline
from prox_assets.refining.models import rails_of
from prox_assets.teacher.agreement import Annotated, agreement
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import Teacher
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.rules.teacher import RulesTeacher
from prox_assets.teacher.sampling import Holdout

EVALUATION_FILE = "evaluation.json"
_EVALUATION_CODE, _AGREEMENT_CODE = "4", "1"


@domain_asset(
    deps=[raw_documents, sft_dataset, doc_refiner, chunk_refiner],
    group="training",
    kinds={"pytorch", "scikitlearn"},
    code_version=_EVALUATION_CODE,
    device=Device.GPU,
)
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
        "code": _EVALUATION_CODE,
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


AGREEMENT_FILE = "agreement.json"


@domain_asset(
    deps=[seed_documents, doc_annotations, chunk_annotations],
    group="annotation",
    kinds={"json"},
    code_version=_AGREEMENT_CODE,
    device=Device.TEACHER,
)
def teacher_agreement(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Kappa, line F1, confusion tables and disagreements of the teacher and those it is compared with."""
    domain = context.partition_key
    section = catalogue.domain(domain)
    store = catalogue.store()
    folder = store.root / domain
    corpus = Corpus.of_shards(store.shards(domain, "raw_documents"))
    own = open_teacher(section.teacher, folder, context.log.info, corpus=corpus)
    sources = {
        name: store.artifact(domain, name)
        for name in ("seed_documents", "doc_annotations", "chunk_annotations")
    }
    others = [
        open_teacher(other, folder, context.log.info, corpus=corpus) for other in section.agreement.compare
    ]
    others += [
        open_teacher(section.teacher, folder, context.log.info, run, corpus)
        for run in range(1, section.agreement.repeats + 1)
    ]

    def build(folder: Path) -> None:
        seeds = read_table(sources["seed_documents"].folder / SEEDS_FILE)
        seeds = seeds.slice(0, section.agreement.sample)
        tables = (
            _of(seeds, read_table(sources[name].folder / ANNOTATIONS_FILE))
            for name in ("doc_annotations", "chunk_annotations")
        )
        judges = [Annotated(own.name, *tables)]
        known = [own]
        for other in others:
            judges.append(_annotated(other, seeds, known))
            known.append(other)
            context.log.info(f"{judges[-1].name} annotated {seeds.num_rows} seeds")
        write_json(agreement(seeds, judges), folder / AGREEMENT_FILE)

    configuration = {
        "asset": "teacher_agreement",
        "code": _AGREEMENT_CODE,
        "sample": section.agreement.sample,
        "compared": [other.prompt_hash for other in others],
        "upstreams": {name: artifact.fingerprint for name, artifact in sources.items()},
    }
    artifact = store.publish(domain, "teacher_agreement", configuration, build)
    return artifact_result(artifact, **_agreement_figures(read_agreement(store, domain)))


def read_agreement(store: Store, domain: str) -> dict[str, Any]:
    """What `teacher_agreement` found of a domain (see `teacher.agreement.agreement`)."""
    return read_json(store.artifact(domain, "teacher_agreement").folder / AGREEMENT_FILE)


def _annotated(teacher: Teacher, seeds: pa.Table, known: list[Teacher]) -> Annotated:
    """What a teacher says of the seeds, under a name that no other judge has."""
    return Annotated(
        _name_beside(teacher, known), teacher.annotate_documents(seeds), teacher.annotate_chunks(seeds)
    )


def _name_beside(teacher: Teacher, known: list[Teacher]) -> str:
    """The teacher's name; with the number of the run, or a number, where others have that name."""
    runs = sum(other.prompt_hash == teacher.prompt_hash for other in known)
    if runs:
        return f"{teacher.name} (run {runs + 1})"
    namesakes = sum(other.name == teacher.name for other in known)
    return f"{teacher.name} ({namesakes + 1})" if namesakes else teacher.name


def _of(seeds: pa.Table, annotations: pa.Table) -> pa.Table:
    return annotations.filter(pc.is_in(annotations["doc_id"], value_set=seeds["doc_id"].combine_chunks()))


def _agreement_figures(found: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "judges": " / ".join(pair["judges"]),
            **{f"{name} kappa": pair[name]["kappa"] for name in ("educational", "format", "keep", "lines")},
            "documents": pair["keep"]["n"],
            "lines": pair["lines"]["n"],
            "line F1": pair["lines"]["f1"],
        }
        for pair in found["pairs"]
    ]
    return {
        "seeds": found["seeds"],
        "agreement": table_of(rows),
        "disagreements": dg.MetadataValue.md(disagreements_markdown(found["disagreements"])),
        "found": dg.MetadataValue.json({name: found[name] for name in ("judges", "pairs")}),
    }


def disagreements_markdown(disagreements: list[dict[str, Any]]) -> str:
    """Disagreements side by side: both decisions on the document, and its lines with both labels."""
    parts = []
    for pair in disagreements:
        decisions = "; ".join(
            f"{inline(judge)}: {_verdict(keep)}"
            for judge, keep in zip(pair["judges"], pair["keep"], strict=True)
        )
        lines = block(
            f"{line['number']:>4} {_mark(line['marks'][0])}{_mark(line['marks'][1])} {line['text']}"
            for line in pair["lines"]
        )
        parts.append(
            f"**{inline(pair['doc_id'])}** {decisions}; {pair['lines_apart']} lines apart\n\n{lines}"
        )
    return "\n\n".join(parts) or "none"


def _verdict(keep: bool | None) -> str:
    return "–" if keep is None else "keep" if keep else "drop"


def _mark(noise: bool | None) -> str:
    return " " if noise is None else "−" if noise else "+"
