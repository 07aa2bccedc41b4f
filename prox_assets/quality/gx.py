"""Great Expectations on DuckDB: contexts without files, batches that are tables of a bounded DuckDB file.

Great Expectations has no DuckDB dialect of its own and reads rows after giving the connection back, when
DuckDB has dropped them (great_expectations issue 10738). Naming DuckDB among the dialects whose connection
is kept cures that; the name is private, so the version is pinned and a test holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prox_assets.quality.connection import MEMORY_LIMIT, THREADS
from prox_assets.quality.rules import Limits, Rule


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
