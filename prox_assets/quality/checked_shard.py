"""The tables that expectations look at: a shard's rows and figures, in a DuckDB file of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prox_assets.documents.files import scratch_folder
from prox_assets.quality.connection import CHECKED, bounded, literal_paths, read_sql, view_files
from prox_assets.quality.rules import Conservation, Thresholds

if TYPE_CHECKING:
    import duckdb

UPSTREAM = {
    "doc_programs": "raw_documents",
    "doc_refined_corpus": "raw_documents",
    "chunk_programs": "doc_refined_corpus",
    "chunk_refined_corpus": "doc_refined_corpus",
    "rule_filtered_corpus": "raw_documents",
}
_FIGURES: dict[str, tuple[str, ...]] = {
    "raw_documents": (),
    "doc_refined_corpus": ("sizes", "unspaced"),
    "chunk_refined_corpus": ("sizes", "unspaced", "retention"),
    "rule_filtered_corpus": ("sizes", "unspaced"),
}
_PROGRAM_TEXT = (
    r"\b(?:remove_lines|normalize|keep_chunk|keep_doc|drop_doc|untouch_doc|skip_chunk"
    r"|keep_all|remove_all|remove_str|replace_str|add_line)\s*\([^\n)]*\)?"
)
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"

Figure = tuple[str, float]
"""The group it is of (empty: the whole shard), and its value."""


@dataclass(frozen=True, slots=True)
class CheckedTables:
    """A DuckDB file with the tables to validate.

    `rows`: how many are expected. `measured`: columns of the row table that hold a value. `figures`: what the
    shard has of them, by name.
    """

    database: Path
    rows: int
    measured: frozenset[str]
    figures: Mapping[str, tuple[Figure, ...]]


@contextmanager
def checked_tables(
    asset: str, paths: Sequence[Path], conservation: Conservation, thresholds: Thresholds
) -> Iterator[CheckedTables]:
    """Read a shard once into tables; they are gone afterwards. A wrong schema leaves all but one empty."""
    with scratch_folder("checks") as folder:
        database = folder / "checks.duckdb"
        with bounded(database) as connection:
            view_files(connection, "subject", asset, paths)
            view_files(connection, "upstream", UPSTREAM.get(asset, asset), conservation.upstream)
            view_files(connection, "rejected", "rejected", conservation.rejected)
            _set_variables(connection, thresholds)
            tables = CheckedTables(database, 0, frozenset(), {})
            if _compare_schemas(connection, asset, paths):
                connection.execute(read_sql(f"checks/{asset}"))
                tables = replace(
                    tables,
                    rows=_expected(connection, asset, conservation),
                    measured=_measured(connection),
                    figures=_figures(connection, asset),
                )
            connection.execute("CHECKPOINT")
        yield tables


def _set_variables(connection: duckdb.DuckDBPyConnection, thresholds: Thresholds) -> None:
    values = {
        "program_text": _PROGRAM_TEXT,
        "unspaced": _UNSPACED,
        "min_group": thresholds.min_group,
        "retention_sample": thresholds.retention_sample,
    }
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})


def _compare_schemas(connection: duckdb.DuckDBPyConnection, asset: str, paths: Sequence[Path]) -> bool:
    connection.execute(read_sql("checks/agreement"))
    connection.from_arrow(CHECKED[asset].empty_table()).create("expected_columns")
    for path in paths:
        (file,) = literal_paths([path])
        connection.execute(read_sql("checks/compare_schema"), {"file": file, "name": path.name})
    row = connection.execute("SELECT count(*) FROM agreement WHERE agreement <> 'ok'").fetchone()
    return row == (0,)


def _expected(connection: duckdb.DuckDBPyConnection, asset: str, conservation: Conservation) -> int:
    counts: dict[str, int] = dict(connection.execute(read_sql("checks/counts")).fetchall())
    if asset == "raw_documents":
        rows = conservation.expected_rows
        return (counts["subject"] + counts["rejected"] if rows is None else rows) - counts["rejected"]
    if conservation.expected_rows is not None:
        return conservation.expected_rows
    if asset != "chunk_programs":
        return counts["upstream"]
    row: Any = connection.execute("SELECT count(*) FROM upstream WHERE status = 'kept'").fetchone()
    return int(row[0])


def _measured(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The columns of the checked table that hold any value."""
    columns = connection.sql("SELECT * FROM checked LIMIT 0").columns
    (counts,) = connection.execute("SELECT count(COLUMNS(*)) FROM checked").fetchall()
    return frozenset(name for name, count in zip(columns, counts, strict=True) if count)


def _figures(connection: duckdb.DuckDBPyConnection, asset: str) -> dict[str, tuple[Figure, ...]]:
    """Fill the table of figures; one that has nothing to be a figure of is not in it."""
    connection.execute(read_sql("figures/tables"))
    if asset in _FIGURES:
        connection.execute(read_sql(f"figures/{asset}"))
    for name in _FIGURES.get(asset, ()):
        connection.execute(read_sql(f"figures/{name}"))
    connection.execute("DELETE FROM figures WHERE value IS NULL OR isnan(value)")
    found: dict[str, tuple[Figure, ...]] = {}
    for figure, name, value in connection.execute("SELECT figure, name, value FROM figures").fetchall():
        found[figure] = (*found.get(figure, ()), (name, value))
    return found
