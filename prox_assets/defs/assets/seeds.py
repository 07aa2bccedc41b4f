"""Which documents the teacher sees."""

from typing import Any

import dagster as dg

from prox_assets.config import Seeds
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.metadata import artifact_result, column_schema
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import write_table
from prox_assets.documents.schema import SEEDS
from prox_assets.documents.store import FinishedShard
from prox_assets.teacher.holdout import Holdout
from prox_assets.teacher.sampling import SeedSampler

SEEDS_FILE = "seeds.parquet"


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
