"""What the UI shows beside a materialization: counts, columns, paths, samples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from prox_assets.defs.lineage import LINEAGES
from prox_assets.documents.store import Artifact, FinishedShard


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


def finite_result(result: dg.MaterializeResult[Any]) -> dg.MaterializeResult[Any]:
    """The same result, with metadata that JSON can hold; so are those of its checks."""
    return result._replace(
        metadata=finite_metadata(result.metadata or {}),
        check_results=[
            check._replace(metadata=finite_metadata(check.metadata)) for check in result.check_results
        ],
    )


def finite_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Replace NaN and infinities by None, also inside tables and JSON: the UI gets JSON, without them."""
    return {name: _finite(value) for name, value in metadata.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dg.FloatMetadataValue):
        return value if value.value is None or math.isfinite(value.value) else None
    if isinstance(value, dg.JsonMetadataValue):
        return dg.MetadataValue.json(_finite(value.data))
    if isinstance(value, dg.TableMetadataValue):
        records = [dg.TableRecord(finite_metadata(record.data)) for record in value.records]
        return dg.MetadataValue.table(records, value.schema)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return finite_metadata(value)
    if type(value) in (list, tuple):  # Dagster's own records are tuples too
        return [_finite(item) for item in value]
    return value
