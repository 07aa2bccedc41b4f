"""The first half of the method: a sample of documents, and what the teacher says of them."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prox_assets.config import Seeds
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.metadata import artifact_result, column_schema, table_of
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import write_table
from prox_assets.documents.schema import SEEDS
from prox_assets.documents.store import FinishedShard
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.holdout import Holdout
from prox_assets.teacher.interface import CHUNK_ANNOTATIONS, DOC_ANNOTATIONS
from prox_assets.teacher.sampling import SeedSampler

SEEDS_FILE = "seeds.parquet"
ANNOTATIONS_FILE = "annotations.parquet"


@dg.asset(
    partitions_def=domains,
    deps=[raw_documents],
    group_name="annotation",
    kinds={"parquet"},
    owners=["team:data"],
    code_version="1",
    metadata={"dagster/column_schema": column_schema(SEEDS)},
)
def seed_documents(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """A sample for the teacher: a pure function of the documents, its size and its seed."""
    domain = context.partition_key
    seeds = catalogue.domain(domain).seeds
    store = catalogue.store()
    shards = store.shards(domain, "raw_documents")
    sampler = sample(shards, seeds)
    configuration = {
        "asset": "seed_documents",
        "seeds": seeds.model_dump(mode="json"),
        "shards": {shard.key.shard: shard.fingerprint for shard in shards},
    }
    artifact = store.publish(
        domain,
        "seed_documents",
        configuration,
        lambda folder: write_table(sampler.table(), folder / SEEDS_FILE),
    )
    return artifact_result(
        artifact,
        seeds=sampler.table().num_rows,
        documents_seen=sampler.counts.seen,
        held_out=sampler.counts.held_out,
        shards=len(shards),
    )


def sample(shards: tuple[FinishedShard, ...], seeds: Seeds) -> SeedSampler:
    """Offer all documents of the shards to the sampler."""
    holdout = Holdout.of(seeds.holdout) if seeds.holdout else None
    sampler = SeedSampler(seeds.size, seeds.seed, holdout)
    for shard in shards:
        for batch in shard.batches():
            sampler.add(batch, shard.key.shard)
    return sampler


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
