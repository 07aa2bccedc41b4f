"""What the teacher says of the seeds."""

from collections import Counter
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import Bands
from prox_assets.defs.assets.corpus import SEEDS_FILE, seed_documents
from prox_assets.defs.partitions import CatalogueResource, domains, partitioned_check
from prox_assets.defs.runs.decorators import Device, domain_asset
from prox_assets.defs.ui import checked_artifact_result, table_of
from prox_assets.documents.files import fingerprint, read_table, write_table
from prox_assets.programs import Stage, parse
from prox_assets.refiner.bases import require_bases
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import CHUNK_ANNOTATIONS, DOC_ANNOTATIONS, FAILED, Teacher
from prox_assets.teacher.llm import AnnotationEstimate, LlmTeacher
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.rules.teacher import RulesTeacher

ANNOTATIONS_FILE = "annotations.parquet"
FAILED_SHARE, REFUSED_SHARE = "failed_share", "refused_share"
_FAILED = "Seeds that the teacher gave no answer for are few (checks.max_error_share)."
_REFUSED = "Calls that do not hold for their chunk are few (checks.max_refused_share)."


@domain_asset(
    deps=[seed_documents],
    group="annotation",
    kinds={"parquet"},
    code_version="2",
    schema=DOC_ANNOTATIONS,
    checks=[partitioned_check(FAILED_SHARE, "doc_annotations", _FAILED, domains)],
    device=Device.TEACHER,
)
def doc_annotations(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare name alone beside checks
    """What the teacher says of each seed: two scores, a justification, keep or drop."""
    return _annotate(context, catalogue, "doc_annotations")


@domain_asset(
    deps=[seed_documents],
    group="annotation",
    kinds={"parquet"},
    code_version="2",
    schema=CHUNK_ANNOTATIONS,
    checks=[
        partitioned_check(FAILED_SHARE, "chunk_annotations", _FAILED, domains),
        partitioned_check(REFUSED_SHARE, "chunk_annotations", _REFUSED, domains),
    ],
    device=Device.TEACHER,
)
def chunk_annotations(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare name alone beside checks
    """The teacher's program for each chunk of each seed, and the calls that were refused."""
    return _annotate(context, catalogue, "chunk_annotations")


def _annotate(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource, asset: str
) -> dg.MaterializeResult[Any]:
    """Annotate the seeds; what failed the last time is asked again, what is answered is not."""
    domain = context.partition_key
    require_bases(catalogue.domain(domain).refiner)  # before a teacher is paid for what cannot be trained
    store = catalogue.store()
    corpus = Corpus.of_shards(store.shards(domain, "raw_documents"))
    teacher = open_teacher(
        catalogue.domain(domain).teacher, store.root / domain, context.log.info, corpus=corpus
    )
    seeds = store.artifact(domain, "seed_documents")
    table = read_table(seeds.folder / SEEDS_FILE)
    context.log.info(f"{teacher.name} annotates {table.num_rows} seeds")
    documents = asset == "doc_annotations"
    estimate = _estimate(teacher, table, documents)
    if estimate is not None:
        context.log.info(f"before the first call: {estimate}")
    annotated = teacher.annotate_documents(table) if documents else teacher.annotate_chunks(table)
    configuration = {"asset": asset, "seeds": seeds.fingerprint, "teacher": teacher.prompt_hash}
    failed = annotated.filter(pc.equal(annotated["status"], FAILED))["doc_id"].to_pylist()
    if failed:
        configuration["failed"] = fingerprint({"doc_ids": sorted(failed)})
    artifact = store.publish(
        domain, asset, configuration, lambda folder: write_table(annotated, folder / ANNOTATIONS_FILE)
    )
    metadata = _summary(annotated)
    if estimate is not None:
        metadata["estimate"] = str(estimate)
    if isinstance(teacher, RulesTeacher):
        metadata["repeated_lines_counted_in"] = teacher.repetition
    bands = catalogue.domain(domain).checks
    checks = _checks(annotated, asset, bands)
    metadata |= {"teacher": teacher.name, "rows": annotated.num_rows}
    return checked_artifact_result(artifact, checks, metadata)


def _estimate(teacher: Teacher, seeds: pa.Table, documents: bool) -> AnnotationEstimate | None:
    """What asking will cost; None for a teacher that asks nobody."""
    if not isinstance(teacher, LlmTeacher):
        return None
    return teacher.estimate_documents(seeds) if documents else teacher.estimate_chunks(seeds)


def _checks(annotated: pa.Table, asset: str, bands: Bands) -> list[dg.AssetCheckResult]:
    """Seeds that the teacher failed on, and calls that were not believed, against the catalogue's bands."""
    failed = pc.sum(pc.equal(annotated["status"], FAILED)).as_py() or 0
    found = [_share(asset, FAILED_SHARE, failed, annotated.num_rows, bands.max_error_share)]
    if asset == "chunk_annotations":
        refused = pc.sum(pc.list_value_length(annotated["refused"])).as_py() or 0
        believed = sum(map(_edits, annotated["program"].to_pylist()))
        found.append(_share(asset, REFUSED_SHARE, refused, refused + believed, bands.max_refused_share))
    return found


def _edits(program: str) -> int:
    return sum(call.name != "keep_chunk" for call in parse(program, Stage.CHUNK).calls)


def _share(asset: str, name: str, count: int, total: int, most: float) -> dg.AssetCheckResult:
    share = count / total if total else 0.0
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=share <= most,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"share": share, "count": count, "of": total, "most": most},
    )


def _summary(table: pa.Table) -> dict[str, Any]:
    statuses = {entry["values"]: entry["counts"] for entry in pc.value_counts(table["status"]).to_pylist()}
    summary: dict[str, Any] = {
        "statuses": table_of([{"status": status, "rows": rows} for status, rows in statuses.items()]),
        "tokens": pc.sum(table["tokens"]).as_py() or 0,
    }
    if "keep" in table.column_names:
        summary["keep_share"] = pc.mean(table["keep"].cast("float64")).as_py()
    else:
        codes = Counter(one["code"] for calls in table["refused"].to_pylist() for one in calls)
        summary["refused_calls"] = codes.total()
        summary["refused_by_code"] = table_of([{"code": c, "calls": n} for c, n in codes.most_common()])
    return summary
