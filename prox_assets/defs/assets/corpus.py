"""The corpus as it comes: source rows in one schema."""

from collections import Counter
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prox_assets.defs.metadata import column_schema, shard_result, table_of
from prox_assets.defs.partitions import domain_shards, partition_of, source_of
from prox_assets.defs.progress import log_rows
from prox_assets.defs.resources import CatalogueResource
from prox_assets.documents.ingest import ingest
from prox_assets.documents.schema import RAW
from prox_assets.documents.store import FinishedShard


@dg.asset(
    partitions_def=domain_shards,
    group_name="corpus",
    kinds={"parquet"},
    owners=["team:data"],
    code_version="1",
    metadata={"dagster/column_schema": column_schema(RAW)},
)
def raw_documents(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Source rows in one schema; rows that are no documents stand beside them with a reason each."""
    domain, shard = partition_of(context)
    catalogue.domain(domain)
    loaded = catalogue.load()
    source = source_of(loaded, domain, shard)
    finished = ingest(source, catalogue.store(), domain, loaded.inference.rows_per_commit, log_rows(context))
    reasons = rejected_reasons(finished)
    return shard_result(
        finished,
        source=str(source.path),
        rejected=sum(reasons.values()),
        reasons=table_of([{"reason": reason, "rows": rows} for reason, rows in reasons.items()]),
        characters=_characters(finished),
    )


def rejected_reasons(finished: FinishedShard) -> Counter[str]:
    """Count a shard's rejected rows by reason."""
    reasons: Counter[str] = Counter()
    for path in finished.paths("rejected"):
        reasons.update(pq.read_table(path, columns=["reason"])["reason"].to_pylist())
    return reasons


def _characters(finished: FinishedShard) -> int:
    lengths = (pc.sum(pc.utf8_length(batch.column(0))).as_py() or 0 for batch in finished.batches(["text"]))
    return int(sum(lengths))
