"""The corpus as it comes: source rows in one schema."""

from typing import Any

import dagster as dg
import pyarrow.compute as pc

from prox_assets.defs.metadata import shard_result, table_of
from prox_assets.defs.partitions import source_of
from prox_assets.defs.progress import log_rows
from prox_assets.defs.shard_assets import ShardRun, shard_asset
from prox_assets.documents.ingest import RejectionReason, ingest, ingest_report
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
