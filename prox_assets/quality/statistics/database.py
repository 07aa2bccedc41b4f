"""The statistics database: one DuckDB file built from tables of shards, and the figures read from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prox_assets.documents.files import replacing
from prox_assets.errors import StoreError
from prox_assets.quality.statistics.connection import bounded, literal_paths, read_sql
from prox_assets.quality.statistics.shard import TABLES

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class DatabaseSummary:
    """What a statistics database holds."""

    path: Path
    domains: tuple[str, ...]
    shards: int
    documents: int
    tokens_raw: int
    tokens_kept: int
    unreconciled: int
    """Shard stages whose counts do not add up; 0 when all is well."""


def build_database(statistics_folders: Iterable[Path], target: Path) -> DatabaseSummary:
    """Build a fresh database from folders that `write_shard_statistics` filled; rename it to `target`.

    Whoever has the former file open goes on reading it. Nothing ever locks `target`.

    Raises:
        StoreError: a folder lacks one of the tables, or two folders hold the same shard.
    """
    folders = sorted(statistics_folders)
    for folder in folders:
        _check(folder)
    with replacing(target) as temporary:
        with bounded(temporary) as connection:
            connection.execute(read_sql("database/tables"))
            if folders:
                _load(connection, folders)
            _refuse_repeated_shards(connection)
            connection.execute(read_sql("database/views"))
            summary = _summary(connection, target)
            connection.execute("CHECKPOINT")
        _forget_log(target)
    return summary


def shards_in(database: Path, domain: str) -> tuple[str, ...]:
    """The shards of a domain that a statistics database is of, those without documents included."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT shard FROM runs WHERE domain = $domain GROUP BY shard ORDER BY shard", {"domain": domain}
        ).fetchall()
    return tuple(shard for (shard,) in rows)


def _check(folder: Path) -> None:
    for table in TABLES:
        if not (folder / f"{table}.parquet").exists():
            raise StoreError(
                f"{folder} lacks {table}.parquet: materialize corpus_statistics for that partition again."
            )


def _load(connection: duckdb.DuckDBPyConnection, folders: list[Path]) -> None:
    for table in TABLES:
        files = literal_paths(folder / f"{table}.parquet" for folder in folders)
        connection.execute(
            f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet($files, hive_partitioning = false)",
            {"files": files},
        )


def _refuse_repeated_shards(connection: duckdb.DuckDBPyConnection) -> None:
    repeated = connection.execute(read_sql("database/repeated_shards")).fetchall()
    if repeated:
        names = ", ".join(f"{domain}|{shard}" for domain, shard in repeated[:5])
        raise StoreError(f"statistics given twice for {names}: pass one folder for each shard.")


def _forget_log(target: Path) -> None:
    """Remove the write-ahead log somebody's writing session may have left: it belongs to the former file."""
    target.with_name(f"{target.name}.wal").unlink(missing_ok=True)


def _summary(connection: duckdb.DuckDBPyConnection, target: Path) -> DatabaseSummary:
    row = connection.execute(read_sql("database/summary")).fetchone()
    assert row is not None
    domains, *counts = row
    return DatabaseSummary(target, tuple(domains), *(int(value) for value in counts))


Row = Mapping[str, Any]
_MOST_REMOVED = 40


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows of the views, as mappings by column, for one domain. Histograms have all 50 bins."""

    totals: Row
    funnel: tuple[Row, ...]
    sources: tuple[Row, ...]
    languages: tuple[Row, ...]
    calls: tuple[Row, ...]
    positions: tuple[Row, ...]
    lengths: tuple[Row, ...]
    costs: tuple[Row, ...]
    scores: Mapping[str, tuple[Row, ...]]
    thresholds: tuple[Row, ...]
    removed: tuple[Row, ...]


def read_figures(connection: duckdb.DuckDBPyConnection, domain: str) -> Figures:
    """Read the figures of a domain from an open statistics database; a domain it lacks has zeros."""

    def rows(name: str, **parameters: int) -> tuple[Row, ...]:
        cursor = connection.execute(read_sql(f"report/{name}"), {"domain": domain, **parameters})
        columns = [column[0] for column in cursor.description]
        return tuple(dict(zip(columns, row, strict=True)) for row in cursor.fetchall())

    scores = rows("scores")
    return Figures(
        totals=rows("totals")[0],
        funnel=rows("funnel"),
        sources=rows("sources"),
        languages=rows("languages"),
        calls=rows("calls"),
        positions=rows("positions"),
        lengths=rows("lengths"),
        costs=rows("costs"),
        scores={kind: tuple(row for row in scores if row["kind"] == kind) for kind in ("document", "line")},
        thresholds=rows("thresholds"),
        removed=rows("removed", most=_MOST_REMOVED),
    )
