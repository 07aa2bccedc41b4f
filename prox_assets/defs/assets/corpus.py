"""The corpus as it comes: source rows in one schema."""

from collections import Counter
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prox_assets.defs.metadata import shard_result, table_of
from prox_assets.defs.partitions import source_of
from prox_assets.defs.progress import log_rows
from prox_assets.defs.shard_assets import ShardRun, shard_asset
from prox_assets.documents.ingest import ingest
from prox_assets.documents.schema import RAW
from prox_assets.documents.store import FinishedShard


@shard_asset(group="corpus", kinds={"parquet"}, schema=RAW)
def raw_documents(at: ShardRun) -> dg.MaterializeResult[Any]:
    """Source rows in one schema; rows that are no documents stand beside them with a reason each."""
    at.catalogue.domain(at.domain)
    loaded = at.catalogue.load()
    source = source_of(loaded, at.domain, at.shard)
    rows = loaded.inference.rows_per_commit
    finished = ingest(source, at.store, at.domain, rows, log_rows(at.context))
    reasons = rejected_reasons(finished)
    return shard_result(
        finished,
        source=source.described,
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
