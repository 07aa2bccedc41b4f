"""DuckDB connections bounded in memory, with the stages of a shard as views over its Parquet files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from prox_assets.documents import schema
from prox_assets.documents.files import scratch_folder
from prox_assets.errors import StoreError, one_line

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


MEMORY_LIMIT = "512MB"
_DAMAGED = re.compile(r"magic bytes|[Ff]ooter|thrift|TProtocol|ZSTD|too small to be a Parquet|[Cc]orrupt")
THREADS = 2
_WILDCARD = re.compile(r"[*?\[]")

STAGES: dict[str, pa.Schema] = {
    "raw_documents": schema.RAW,
    "rejected": schema.REJECTED,
    "doc_programs": schema.DOC_PROGRAMS,
    "doc_refined_corpus": schema.DOC_REFINED,
    "chunk_programs": schema.CHUNK_PROGRAMS,
    "chunk_refined_corpus": schema.CHUNK_REFINED,
}

CHECKED: dict[str, pa.Schema] = {
    **{stage: table for stage, table in STAGES.items() if stage != "rejected"},
    "rule_filtered_corpus": schema.RULE_FILTERED,
}
"""The corpus assets that have expectations."""


def read_sql(name: str) -> str:
    """The text of ``quality/sql/<name>.sql``."""
    return (resources.files("prox_assets.quality") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


@contextmanager
def bounded(database: Path | str = ":memory:") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a new database that keeps at most `MEMORY_LIMIT` in memory and spills to a folder it removes.

    DuckDB misplaces the log of a database below a folder with a `?` in its name, so such a one is written in
    the folder for spilled rows and moved when it is closed.
    """
    import duckdb

    with scratch_folder("duckdb") as spill, _one_line_errors(database):
        is_moved = isinstance(database, Path) and "?" in str(database.absolute())
        file = spill / "moved.duckdb" if is_moved else database
        connection = duckdb.connect(
            str(file),
            config={"memory_limit": MEMORY_LIMIT, "threads": THREADS, "temp_directory": str(spill)},
        )
        try:
            connection.execute("SET enable_progress_bar = false")
            yield connection
        finally:
            connection.close()
        if is_moved:
            shutil.move(file, database)


def literal_paths(paths: Iterable[Path]) -> list[str]:
    """Write paths so that DuckDB's `read_parquet` reads these files alone, not as patterns."""
    return [_WILDCARD.sub(r"[\g<0>]", str(path)) for path in paths]


@contextmanager
def reading(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that is there, to read it.

    Raises:
        StoreError: it is missing or damaged, or another program writes it.
    """
    import duckdb

    if not database.is_file():
        raise StoreError(f"{database} is missing: materialize statistics_database first.")
    with (
        _one_line_errors(database),
        duckdb.connect(
            str(database),
            read_only=True,
            config={"memory_limit": MEMORY_LIMIT, "threads": THREADS},
        ) as connection,
    ):
        yield connection


@contextmanager
def _one_line_errors(database: Path | str) -> Iterator[None]:
    """Turn what a disk, a damaged file or too little memory makes of DuckDB into a StoreError."""
    import duckdb

    try:
        yield
    except (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException) as error:
        raise StoreError(
            f"{database}: DuckDB cannot read or write a file ({one_line(str(error), 300)}). Where the disk "
            "is full, free space; a damaged file is to be deleted and its asset materialized again."
        ) from error
    except duckdb.InvalidInputException as error:
        # What it says of a Parquet file that is cut or overwritten. A mistake in the SQL is none of these.
        if not _DAMAGED.search(str(error)):
            raise
        raise StoreError(
            f"a file of the store is damaged ({one_line(str(error), 300)}): delete it, and materialize its "
            "asset again."
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise StoreError(
            f"{database}: the work needs more memory or space for spilled rows than there is "
            f"({one_line(str(error), 300)}). Free space in the folder for temporary files (TMPDIR)."
        ) from error


def view_files(connection: duckdb.DuckDBPyConnection, name: str, stage: str, paths: Sequence[Path]) -> None:
    """Make `name` stand for the Parquet files of a stage; without files it has the stage's columns only."""
    if not paths:
        empty = (STAGES | CHECKED)[stage].empty_table()
        connection.from_arrow(empty).create(name)
        return
    connection.execute(f"SET VARIABLE {name}_files = $files", {"files": literal_paths(paths)})
    connection.execute(
        f"CREATE TEMP VIEW {name} AS "
        f"SELECT * FROM read_parquet(getvariable('{name}_files'), hive_partitioning = false)"
    )
