"""Validate the expectations of a corpus asset with Great Expectations, on bounded DuckDB files.

Great Expectations has no DuckDB dialect of its own and reads rows after giving the connection back, when
DuckDB has dropped them (great_expectations issue 10738). Naming DuckDB among the dialects whose connection
is kept cures that; the name is private, so the version is pinned and a test holds it.

A shard's Parquet files are read once, in a stream, into a narrow table of one row per row (lengths, flags
and counts, no text: ``sql/checks/``) and one of figures of the whole shard (``sql/figures/``), and the
suites of `suites.py` are run on these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prox_assets.documents.files import scratch_folder
from prox_assets.errors import StoreError
from prox_assets.quality.checks.outcomes import (
    DataDocsSite,
    ExpectationOutcome,
    failed_outcome,
    figure_outcome,
    merged,
    outcome_of,
    unmeasured_outcome,
    write_record,
)
from prox_assets.quality.checks.rules import CheckLimits, Conservation, Limits, Rule, Severity
from prox_assets.quality.checks.suites import SCHEMA, SUITES
from prox_assets.quality.statistics.connection import (
    CHECKED,
    MEMORY_LIMIT,
    THREADS,
    bounded,
    literal_paths,
    read_sql,
    view_files,
)

if TYPE_CHECKING:
    import duckdb


class _DuckDB(str):
    """Stands in for a member of GXSqlDialect."""

    value = "duckdb"


def keep_duckdb_connections() -> None:
    """Make Great Expectations keep its DuckDB connection open while it reads from it."""
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    if not any(dialect.value == "duckdb" for dialect in engine._PERSISTED_CONNECTION_DIALECTS):
        engine._PERSISTED_CONNECTION_DIALECTS = (*engine._PERSISTED_CONNECTION_DIALECTS, _DuckDB("duckdb"))


def quiet_context() -> Any:
    """An ephemeral context: no files, no progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def run_rules(
    database: Path, table: str, asset: str, rules: Sequence[Rule], limits: Limits, run_name: str
) -> Any:
    """Validate one table of a DuckDB file; gives an ExpectationSuiteValidationResult."""
    import great_expectations as gx

    keep_duckdb_connections()
    context = quiet_context()
    source = context.data_sources.add_sql(
        asset,
        connection_string=f"duckdb:///{database}",
        create_temp_table=False,
        kwargs={"connect_args": {"config": {"memory_limit": MEMORY_LIMIT, "threads": THREADS}}},
    )
    batch = source.add_table_asset(asset, table_name=table).add_batch_definition_whole_table("all")
    suite = gx.ExpectationSuite(name=asset, expectations=[expectation(rule, limits) for rule in rules])
    suite = context.suites.add(suite)
    definition = gx.ValidationDefinition(name=asset, data=batch, suite=suite)
    definition = context.validation_definitions.add(definition)
    try:
        return definition.run(run_id=gx.RunIdentifier(run_name=run_name))
    finally:
        _release(source)


def _release(source: Any) -> None:
    """Give the file back: the kept connection, which closing the engine leaves open, and then the engine."""
    engine = source.get_execution_engine()
    with engine.get_connection() as connection:
        connection.close()
    engine.close()
    source.get_engine().dispose()


def expectation(rule: Rule, limits: Limits) -> Any:
    """The Great Expectations object of a rule."""
    import great_expectations.expectations as expectations
    from great_expectations.expectations.row_conditions import Column

    condition = None
    if rule.on_figures:
        condition = Column("figure") == rule.name
    elif rule.status:
        condition = Column("status") == rule.status
    return getattr(expectations, rule.kind)(
        **rule.arguments(limits),
        **({} if condition is None else {"row_condition": condition}),
        severity=rule.severity.value,
        meta={"name": rule.name},
        description=rule.description,
    )


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
    asset: str, paths: Sequence[Path], conservation: Conservation, thresholds: CheckLimits
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


def _set_variables(connection: duckdb.DuckDBPyConnection, thresholds: CheckLimits) -> None:
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


__all__ = ["UPSTREAM", "ExpectationInfo", "expectation_names", "validate"]


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
    thresholds: CheckLimits,
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
    with checked_tables(asset, paths, conservation, thresholds) as tables:
        limits = Limits(tables.rows, thresholds)
        result = run_rules(tables.database, "agreement", asset, [SCHEMA], limits, run_name)
        outcomes = {SCHEMA.name: outcome_of(SCHEMA, result.results[0], limits)}
        rules = [rule for rule in SUITES[asset] if rule is not SCHEMA]
        if not result.success:
            outcomes |= {
                rule.name: failed_outcome(rule, "not looked at: the schema is wrong") for rule in rules
            }
        else:
            for table, its_rules in _by_table(rules, tables, limits).items():
                found = run_rules(tables.database, table, asset, its_rules, limits, run_name)
                outcomes |= _outcomes(found, its_rules, tables, limits)
                result = merged(result, found)
            outcomes |= {rule.name: unmeasured_outcome(rule) for rule in rules if rule.name not in outcomes}
    if docs is not None:
        write_record(docs, asset, run_name, result)
    return tuple(outcomes[rule.name] for rule in SUITES[asset])


def _by_table(rules: Sequence[Rule], tables: CheckedTables, limits: Limits) -> dict[str, list[Rule]]:
    """The rules that have something to measure, by the table they look at."""
    rows = [rule for rule in rules if not rule.on_figures and not _is_unmeasured(rule, tables, limits)]
    figures = [rule for rule in rules if rule.on_figures and rule.name in tables.figures]
    return {name: found for name, found in (("checked", rows), ("figures", figures)) if found}


def _is_unmeasured(rule: Rule, tables: CheckedTables, limits: Limits) -> bool:
    """Tell whether a mean has nothing to be the mean of: an empty shard has no keep ratio."""
    return (
        rule.kind == "ExpectColumnMeanToBeBetween" and rule.arguments(limits)["column"] not in tables.measured
    )


def _outcomes(
    result: Any, rules: Sequence[Rule], tables: CheckedTables, limits: Limits
) -> dict[str, ExpectationOutcome]:
    entries = {entry.expectation_config.meta["name"]: entry for entry in result.results}
    return {
        rule.name: figure_outcome(rule, entries[rule.name], limits, tables.figures[rule.name])
        if rule.on_figures
        else outcome_of(rule, entries[rule.name], limits)
        for rule in rules
    }
