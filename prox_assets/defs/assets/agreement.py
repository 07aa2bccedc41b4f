"""How far teachers agree with one another, with people, and with themselves."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.defs.assets.annotation import ANNOTATIONS_FILE, chunk_annotations, doc_annotations
from prox_assets.defs.assets.seeds import SEEDS_FILE, seed_documents
from prox_assets.defs.devices import TEACHER_POOL
from prox_assets.defs.guarded import guarded_with_teachers
from prox_assets.defs.metadata import artifact_result, table_of
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import read_json, read_table, write_json
from prox_assets.documents.store import Store
from prox_assets.quality.report.text import block, inline
from prox_assets.teacher.agreement import Annotated, agreement
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import Teacher
from prox_assets.teacher.rules.judging import Corpus

AGREEMENT_FILE = "agreement.json"


@dg.asset(
    partitions_def=domains,
    deps=[seed_documents, doc_annotations, chunk_annotations],
    group_name="annotation",
    kinds={"json"},
    owners=["team:data"],
    pool=TEACHER_POOL,
    code_version="1",
)
@guarded_with_teachers
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
        "code": "1",
        "sample": section.agreement.sample,
        "compared": [other.prompt_hash for other in others],
        "upstreams": {name: artifact.fingerprint for name, artifact in sources.items()},
    }
    artifact = store.publish(domain, "teacher_agreement", configuration, build)
    return artifact_result(artifact, **_figures(read_agreement(store, domain)))


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


def _figures(found: dict[str, Any]) -> dict[str, Any]:
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
