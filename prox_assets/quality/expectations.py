"""Expectations of the corpus assets: declared without Great Expectations, validated with it on DuckDB.

A shard's Parquet files are read once, in a stream, into a narrow table of one row per row (lengths, flags
and counts, no text: ``sql/checks/``) and one of figures of the whole shard (``sql/figures/``), and the
suites of `suites.py` are run on these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.errors import StoreError
from prox_assets.quality.checked_shard import UPSTREAM, CheckedTables, checked_tables
from prox_assets.quality.data_docs import DataDocsSite, merged, write_record
from prox_assets.quality.gx import run_rules
from prox_assets.quality.outcomes import (
    ExpectationOutcome,
    failed_outcome,
    figure_outcome,
    outcome_of,
    unmeasured_outcome,
)
from prox_assets.quality.rules import Conservation, Limits, Rule, Severity, Thresholds
from prox_assets.quality.suites import SCHEMA, SUITES

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
