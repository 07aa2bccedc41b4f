"""Which documents the teacher sees."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import Seeds
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.guarded import guarded
from prox_assets.defs.metadata import artifact_result, column_schema, table_of
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.files import write_table
from prox_assets.documents.schema import SEEDS
from prox_assets.documents.store import FinishedShard
from prox_assets.teacher.sampling import Holdout, SamplingCounts, SeedSampler
from prox_assets.teacher.stratified_sampling import StratifiedSampler

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
@guarded
def seed_documents(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """A sample for the teacher: a pure function of the documents, its size and its seed."""
    domain = context.partition_key
    seeds = catalogue.domain(domain).seeds
    store = catalogue.store()
    shards = store.shards(domain, "raw_documents")
    sampled = sample(shards, seeds)
    configuration = {
        "asset": "seed_documents",
        "seeds": seeds.model_dump(mode="json"),
        "shards": {shard.key.shard: shard.fingerprint for shard in shards},
    }
    artifact = store.publish(
        domain,
        "seed_documents",
        configuration,
        lambda folder: write_table(sampled.table, folder / SEEDS_FILE),
    )
    return artifact_result(
        artifact,
        seeds=sampled.table.num_rows,
        documents_seen=sampled.counts.seen,
        held_out=sampled.counts.held_out,
        shards=len(shards),
        **({"strata": table_of(sampled.strata)} if sampled.strata else {}),
    )


@dataclass(frozen=True, slots=True)
class Sampled:
    """The seeds, what was looked at, and a row for each stratum: its name, documents and seeds."""

    table: pa.Table
    counts: SamplingCounts
    strata: tuple[dict[str, Any], ...] = ()


def sample(shards: tuple[FinishedShard, ...], seeds: Seeds) -> Sampled:
    """Offer all documents of the shards to the sampler that the catalogue asks for."""
    holdout = Holdout.of(seeds.holdout) if seeds.holdout else None
    if seeds.strategy == "stratified":
        return _stratified(shards, seeds, holdout)
    sampler = SeedSampler(seeds.size, seeds.seed, holdout)
    for shard in shards:
        for batch in shard.batches():
            sampler.add(batch, shard.key.shard)
    return Sampled(sampler.table(), sampler.counts)


def _stratified(shards: tuple[FinishedShard, ...], seeds: Seeds, holdout: Holdout | None) -> Sampled:
    """Two passes: one to choose ids by stratum, one to read the documents."""
    strata = StratifiedSampler(seeds.size, seeds.seed, seeds.strata, holdout)
    for shard in shards:
        for batch in shard.batches():
            strata.add(batch)
    quotas = strata.quotas(seeds.quota, seeds.floor)
    chosen = pa.array(strata.chosen(quotas), pa.string())
    sampler = SeedSampler(seeds.size, seeds.seed)
    for shard in shards:
        for batch in shard.batches():
            sampler.add(batch.filter(pc.is_in(batch["doc_id"], value_set=chosen)), shard.key.shard)
    rows = [
        {"stratum": name, "documents": strata.documents[name], "seeds": quota}
        for name, quota in sorted(quotas.items())
    ]
    return Sampled(sampler.table(), strata.counts, tuple(rows))
