"""What the teacher says of the seeds."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prox_assets.defs.assets.seeds import SEEDS_FILE, seed_documents
from prox_assets.defs.metadata import artifact_result, column_schema, table_of
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import write_table
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import CHUNK_ANNOTATIONS, DOC_ANNOTATIONS

ANNOTATIONS_FILE = "annotations.parquet"


@dg.asset(
    partitions_def=domains,
    deps=[seed_documents],
    group_name="annotation",
    kinds={"parquet"},
    owners=["team:data"],
    code_version="1",
    metadata={"dagster/column_schema": column_schema(DOC_ANNOTATIONS)},
)
def doc_annotations(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """What the teacher says of each seed: two scores, a justification, keep or drop."""
    return _annotate(context, catalogue, "doc_annotations")


@dg.asset(
    partitions_def=domains,
    deps=[seed_documents],
    group_name="annotation",
    kinds={"parquet"},
    owners=["team:data"],
    code_version="1",
    metadata={"dagster/column_schema": column_schema(CHUNK_ANNOTATIONS)},
)
def chunk_annotations(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """The teacher's program for each chunk of each seed, and the calls that were refused."""
    return _annotate(context, catalogue, "chunk_annotations")


def _annotate(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource, asset: str
) -> dg.MaterializeResult[Any]:
    domain = context.partition_key
    teacher = open_teacher(catalogue.domain(domain).teacher)
    store = catalogue.store()
    seeds = store.artifact(domain, "seed_documents")

    def build(folder: Path) -> None:
        table = pq.read_table(seeds.folder / SEEDS_FILE)
        context.log.info(f"{teacher.name} annotates {table.num_rows} seeds")
        annotate = teacher.annotate_documents if asset == "doc_annotations" else teacher.annotate_chunks
        write_table(annotate(table), folder / ANNOTATIONS_FILE)

    configuration = {"asset": asset, "seeds": seeds.fingerprint, "teacher": teacher.prompt_hash}
    artifact = store.publish(domain, asset, configuration, build)
    table = pq.read_table(artifact.folder / ANNOTATIONS_FILE)
    return artifact_result(artifact, teacher=teacher.name, rows=table.num_rows, **_summary(table))


def _summary(table: pa.Table) -> dict[str, Any]:
    statuses = {entry["values"]: entry["counts"] for entry in pc.value_counts(table["status"]).to_pylist()}
    summary: dict[str, Any] = {
        "statuses": table_of([{"status": status, "rows": rows} for status, rows in statuses.items()])
    }
    if "keep" in table.column_names:
        summary["keep_share"] = pc.mean(table["keep"].cast("float64")).as_py()
    else:
        summary["refused_calls"] = pc.sum(pc.list_value_length(table["refused"])).as_py() or 0
    return summary
