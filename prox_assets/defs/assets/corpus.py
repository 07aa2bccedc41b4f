"""The corpus as it comes: source rows in one schema, and the documents that the teacher sees."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import Seeds
from prox_assets.defs.partitions import CatalogueResource, source_of
from prox_assets.defs.runs.decorators import domain_asset
from prox_assets.defs.runs.multi_partition import ShardRun, shard_asset
from prox_assets.defs.ui import artifact_result, log_rows, shard_result, table_of
from prox_assets.documents.files import write_table
from prox_assets.documents.ingest import CODE_VERSION, RejectionReason, ingest, ingest_report
from prox_assets.documents.schema import RAW, SEEDS
from prox_assets.documents.store import FinishedShard
from prox_assets.teacher.sampling import Holdout, SamplingCounts, SeedSampler
from prox_assets.teacher.stratified_sampling import StratifiedSampler


@shard_asset(group="corpus", kinds={"parquet"}, code_version=CODE_VERSION, schema=RAW)
def raw_documents(at: ShardRun) -> dg.MaterializeResult[Any]:
    """Source rows in one schema; rows that are no documents stand beside them with a reason each."""
    at.catalogue.domain(at.domain)
    loaded = at.catalogue.load()
    source = source_of(loaded, at.domain, at.shard)
    rows = loaded.inference.rows_per_commit
    finished = ingest(source, at.store, at.domain, rows, log_rows(at.context))
    report = ingest_report(finished)
    return shard_result(
        finished,
        source=source.described,
        source_rows=report.rows,
        rejected=report.rejected,
        reasons=table_of([_described(reason) for reason in report.reasons]),
        absent_columns=", ".join(report.absent_columns),
        characters=_characters(finished),
    )


def _described(reason: RejectionReason) -> dict[str, Any]:
    examples = "; ".join(map(str, reason.examples))
    return {"reason": reason.reason, "rows": reason.rows, "examples": examples}


def _characters(finished: FinishedShard) -> int:
    lengths = (pc.sum(pc.utf8_length(batch.column(0))).as_py() or 0 for batch in finished.batches(["text"]))
    return int(sum(lengths))


SEEDS_FILE = "seeds.parquet"


@domain_asset(
    deps=[raw_documents],
    group="annotation",
    kinds={"parquet"},
    code_version="1",
    schema=SEEDS,
)
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
