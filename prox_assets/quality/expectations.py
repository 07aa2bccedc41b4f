"""Expectations of the corpus assets: declared without Great Expectations, validated with it on DuckDB.

A shard's Parquet files are read once, in a stream, into a narrow table of one row per row (lengths, flags
and counts, no text: ``sql/checks/``), and the suites of `suites.py` are run on that table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prox_assets.errors import StoreError
from prox_assets.quality.connection import STAGES, bounded, read_sql, view_files
from prox_assets.quality.data_docs import DataDocsSite, merged, write_record
from prox_assets.quality.gx import run_rules
from prox_assets.quality.outcomes import ExpectationOutcome, failed_outcome, outcome_of, unmeasured_outcome
from prox_assets.quality.rules import Conservation, Limits, Rule, Severity, Thresholds
from prox_assets.quality.suites import SCHEMA, SUITES

if TYPE_CHECKING:
    import duckdb

UPSTREAM = {
    "doc_programs": "raw_documents",
    "doc_refined_corpus": "raw_documents",
    "chunk_programs": "doc_refined_corpus",
    "chunk_refined_corpus": "doc_refined_corpus",
}
_PROGRAM_TEXT = (
    r"\b(?:remove_lines|normalize|keep_chunk|keep_doc|drop_doc|untouch_doc|skip_chunk)\s*\([^\n)]*\)?"
)


@dataclass(frozen=True, slots=True)
class ExpectationInfo:
    """What is known of an expectation before anything is validated."""

    name: str
    severity: Severity
    description: str


def expectation_names(asset: str) -> tuple[ExpectationInfo, ...]:
    """The expectations of an asset, in order, each once; does not import Great Expectations."""
    return tuple(ExpectationInfo(rule.name, rule.severity, rule.description) for rule in SUITES[asset])


def validate(
    asset: str,
    paths: Sequence[Path],
    conservation: Conservation,
    thresholds: Thresholds,
    run_name: str,
    docs: DataDocsSite | None = None,
) -> tuple[ExpectationOutcome, ...]:
    """Validate a shard of an asset: one outcome for each of `expectation_names`, in that order.

    `run_name` names the shard in the Data Docs; with `docs`, the result is recorded for `build_data_docs`.
    Memory is bounded by DuckDB's limit. Where the schema is wrong, nothing else is looked at and all fail.

    Raises:
        StoreError: no files of the stage before were given.
    """
    if asset in UPSTREAM and not conservation.upstream:
        raise StoreError(
            f"{asset} ({run_name}) cannot be validated without the files of {UPSTREAM[asset]}: "
            "materialize that first."
        )
    with _checked_shard(asset, paths, conservation) as shard:
        limits = Limits(shard.rows, thresholds)
        result = run_rules(shard.database, "agreement", asset, [SCHEMA], limits, run_name)
        outcomes = {SCHEMA.name: outcome_of(SCHEMA, result.results[0], limits)}
        rules = [rule for rule in SUITES[asset] if rule is not SCHEMA]
        if not result.success:
            outcomes |= {
                rule.name: failed_outcome(rule, "not looked at: the schema is wrong") for rule in rules
            }
        else:
            measured = [rule for rule in rules if not _is_unmeasured(rule, shard, limits)]
            found = run_rules(shard.database, "checked", asset, measured, limits, run_name)
            by_name = {entry.expectation_config.meta["name"]: entry for entry in found.results}
            outcomes |= {
                rule.name: outcome_of(rule, by_name[rule.name], limits)
                if rule.name in by_name
                else unmeasured_outcome(rule)
                for rule in rules
            }
            result = merged(result, found)
    if docs is not None:
        write_record(docs, asset, run_name, result)
    return tuple(outcomes[rule.name] for rule in SUITES[asset])


@dataclass(frozen=True, slots=True)
class _Shard:
    """A DuckDB file with the tables to validate. `rows`: expected; `measured`: columns with values."""

    database: Path
    rows: int
    measured: frozenset[str]


def _is_unmeasured(rule: Rule, shard: _Shard, limits: Limits) -> bool:
    """Tell whether a mean has nothing to be the mean of: an empty shard has no keep ratio."""
    return (
        rule.kind == "ExpectColumnMeanToBeBetween" and rule.arguments(limits)["column"] not in shard.measured
    )


@contextmanager
def _checked_shard(asset: str, paths: Sequence[Path], conservation: Conservation) -> Iterator[_Shard]:
    with TemporaryDirectory(prefix="prox-checks-") as folder:
        database = Path(folder) / "checks.duckdb"
        with bounded(database) as connection:
            view_files(connection, "subject", asset, paths)
            view_files(connection, "upstream", UPSTREAM.get(asset, asset), conservation.upstream)
            view_files(connection, "rejected", "rejected", conservation.rejected)
            connection.execute("SET VARIABLE program_text = $pattern", {"pattern": _PROGRAM_TEXT})
            sound = _compare_schemas(connection, asset, paths)
            shard = _Shard(database, 0, frozenset())
            if sound:
                connection.execute(read_sql(f"checks/{asset}"))
                shard = replace(
                    shard, rows=_expected(connection, asset, conservation), measured=_measured(connection)
                )
            connection.execute("CHECKPOINT")
        yield shard


def _compare_schemas(connection: duckdb.DuckDBPyConnection, asset: str, paths: Sequence[Path]) -> bool:
    connection.execute(read_sql("checks/agreement"))
    connection.from_arrow(STAGES[asset].empty_table()).create("expected_columns")
    for path in paths:
        connection.execute(read_sql("checks/compare_schema"), {"file": str(path), "name": path.name})
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
