"""What the UI shows beside a materialization: counts, columns, paths, samples."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import pyarrow as pa

from prox_assets.defs.lineage import LINEAGES
from prox_assets.documents.store import Artifact, FinishedShard

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=7), warn_window=timedelta(days=2))
"""What people read is of last night, or at most of last week; Dagster has no freshness of partitions."""


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns of a table as the UI shows them."""
    columns = [
        dg.TableColumn(
            field.name, str(field.type), constraints=dg.TableColumnConstraints(nullable=field.nullable)
        )
        for field in schema
    ]
    return dg.TableSchema(columns=columns)


def shard_result(finished: FinishedShard, **metadata: Any) -> dg.MaterializeResult[Any]:
    """Report a finished shard; its fingerprint is its data version, so staleness follows from content."""
    lineage = LINEAGES.get(finished.key.asset)
    return dg.MaterializeResult(
        metadata={
            "dagster/partition_row_count": finished.rows,
            "dagster/uri": str(finished.folder),
            "parts": len(finished.ranges),
            "fingerprint": finished.fingerprint,
            **({"dagster/column_lineage": lineage} if lineage else {}),
            **metadata,
        },
        data_version=dg.DataVersion(finished.fingerprint),
    )


def artifact_result(artifact: Artifact, **metadata: Any) -> dg.MaterializeResult[Any]:
    """Report an artifact of a domain."""
    return checked_artifact_result(artifact, (), metadata)


def checked_artifact_result(
    artifact: Artifact, checks: Sequence[dg.AssetCheckResult], metadata: Mapping[str, Any]
) -> dg.MaterializeResult[Any]:
    """Report an artifact of a domain, and the checks that were made of it."""
    return dg.MaterializeResult(
        check_results=list(checks),
        metadata={
            "path": dg.MetadataValue.path(str(artifact.folder)),
            "fingerprint": artifact.fingerprint,
            "reused": artifact.reused,
            **metadata,
        },
        data_version=dg.DataVersion(artifact.fingerprint),
    )


def table_of(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """A small table; every row has the same keys, and values are shown as text or numbers."""
    records = [dg.TableRecord({key: _cell(value) for key, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(
        records, dg.TableSchema([dg.TableColumn(name) for name in rows[0]] if rows else [])
    )


def _cell(value: Any) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
