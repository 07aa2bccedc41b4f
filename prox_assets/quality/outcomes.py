"""The outcome of an expectation in words, read off a Great Expectations result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prox_assets.quality.rules import Limits, Rule, Severity


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """What became of one expectation.

    `unexpected_percent`: of the rows looked at, or None. `figures`: what was measured of each group, if any.
    """

    name: str
    success: bool
    severity: Severity
    observed: str
    unexpected_percent: float | None
    description: str
    figures: tuple[tuple[str, float], ...] = ()


def outcome_of(rule: Rule, entry: Any, limits: Limits) -> ExpectationOutcome:
    """Read the outcome of a rule from Great Expectations' result for it."""
    result: Mapping[str, Any] = entry.result or {}
    if "observed_value" in result:
        observed, percent = _figure(result["observed_value"], rule.arguments(limits)), None
    elif "element_count" in result:
        observed, percent = _rows(result), float(result["unexpected_percent"] or 0.0)
    else:
        return failed_outcome(rule, f"could not be evaluated: {_message(entry.exception_info)}")
    return ExpectationOutcome(
        rule.name, bool(entry.success), rule.severity, observed, percent, rule.description
    )


def figure_outcome(
    rule: Rule, entry: Any, limits: Limits, figures: Sequence[tuple[str, float]]
) -> ExpectationOutcome:
    """Read the outcome of a rule on figures; those outside their band are named, or the extremes."""
    arguments = rule.arguments(limits)
    low, high = arguments["min_value"], arguments["max_value"]
    outside = [(name, value) for name, value in figures if not low <= value <= high]
    shown = ", ".join(f"{name} {value:.4g}".strip() for name, value in (outside or _extremes(figures))[:5])
    observed = f"{shown}, allowed {low:g} to {high:g}"
    percent = 100 * len(outside) / len(figures)
    return ExpectationOutcome(
        rule.name, bool(entry.success), rule.severity, observed, percent, rule.description, tuple(figures)
    )


def _extremes(figures: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    ordered = sorted(figures, key=lambda figure: figure[1])
    return ordered[:1] if len(ordered) == 1 else [ordered[0], ordered[-1]]


def failed_outcome(rule: Rule, observed: str) -> ExpectationOutcome:
    """A failure for another reason than the rows."""
    return ExpectationOutcome(rule.name, False, rule.severity, observed, None, rule.description)


def unmeasured_outcome(rule: Rule) -> ExpectationOutcome:
    """A share of nothing: the shard has no rows, tokens or calls that it could be a share of."""
    return ExpectationOutcome(rule.name, True, rule.severity, "nothing to measure", None, rule.description)


def _figure(value: Any, arguments: Mapping[str, Any]) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else f"{value}"
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if "value" in arguments or low == high:
        return f"{shown}, expected {arguments.get('value', low)}"
    return f"{shown}, allowed {low:g} to {high:g}"


def _rows(result: Mapping[str, Any]) -> str:
    unexpected, seen = result["unexpected_count"], result["element_count"]
    if not seen:
        return "no such rows"
    if not unexpected:
        return f"all of {seen}"
    counts = result.get("partial_unexpected_counts") or []
    examples = ", ".join(f"{_short(entry['value'])} (×{entry['count']})" for entry in counts[:3] if entry)
    return f"{unexpected} of {seen}{': ' if examples else ''}{examples}"


def _short(value: Any, length: int = 80) -> str:
    text = str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _message(info: Mapping[str, Any]) -> str:
    found = info.get("exception_message")
    nested = (each.get("exception_message") for each in info.values() if isinstance(each, Mapping))
    return str(found or next(filter(None, nested), "no result"))
