"""An expectation as a value: name, severity, sentence for people, Great Expectations class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Severity(StrEnum):
    """A failed critical expectation stops what is downstream; a warning is read by people."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class CheckLimits:
    """What a domain's shards are held to. Ratios are of tokens; shares of rows, documents, or calls."""

    doc_keep_ratio: tuple[float, float] = (0.05, 0.98)
    chunk_keep_ratio: tuple[float, float] = (0.5, 1.0)
    max_rejected_share: float = 0.1
    max_error_share: float = 0.01
    max_emptied_share: float = 0.05
    max_guard_rail_share: float = 0.05
    max_refused_share: float = 0.2
    language_keep_ratio: tuple[float, float] = (0.02, 1.0)
    rule_keep_ratio: tuple[float, float] = (0.0, 1.0)
    max_rule_drift: float = 1.0
    max_language_drift: float = 0.3
    max_length_drift: float = 0.5
    max_position_share: float = 0.7
    min_number_retention: float = 0.3
    min_rare_word_retention: float = 0.3
    min_unspaced_retention: float = 0.2
    min_group: int = 30
    """Figures of fewer documents than this are not judged: they are chance."""
    retention_sample: int = 500
    """Documents that retention is measured on, so that its cost does not grow with the shard."""


@dataclass(frozen=True, slots=True)
class Conservation:
    """What a stage must have rows for.

    `upstream`: files of the stage before (none for raw_documents). `rejected`: for raw_documents, the files
    of rejected rows. `expected_rows`: rows of the source for raw_documents, documents kept by the stage
    before for chunk_programs, rows of the stage before for all others; counted in `upstream` when None.
    """

    expected_rows: int | None = None
    upstream: tuple[Path, ...] = ()
    rejected: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the arguments of an expectation are computed from."""

    rows: int
    thresholds: CheckLimits


Arguments = Callable[[Limits], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation on the checked table of an asset.

    `kind` names a class of great_expectations.expectations. `status` limits it to rows of that status.
    With `on_figures` it looks at the figures of its own name instead of the rows (``sql/figures/``).
    """

    name: str
    severity: Severity
    description: str
    kind: str
    arguments: Arguments
    status: str | None = None
    on_figures: bool = False


def critical(name: str, description: str, kind: str, status: str | None = None, **arguments: Any) -> Rule:
    """A blocking rule with fixed arguments."""
    return Rule(name, Severity.CRITICAL, description, kind, lambda _: arguments, status)


def warning(name: str, description: str, kind: str, status: str | None = None, **arguments: Any) -> Rule:
    """A rule to be read by people, with fixed arguments."""
    return Rule(name, Severity.WARNING, description, kind, lambda _: arguments, status)


def banded(
    name: str, description: str, column: str, band: Callable[[CheckLimits], tuple[float, float]]
) -> Rule:
    """A warning when the mean of a column leaves a band of the thresholds."""

    def arguments(limits: Limits) -> Mapping[str, Any]:
        low, high = band(limits.thresholds)
        return {"column": column, "min_value": low, "max_value": high}

    return Rule(name, Severity.WARNING, description, "ExpectColumnMeanToBeBetween", arguments)


def figured(name: str, description: str, band: Callable[[CheckLimits], tuple[float, float]]) -> Rule:
    """A warning when one of the shard's figures of this name leaves a band of the thresholds."""

    def arguments(limits: Limits) -> Mapping[str, Any]:
        low, high = band(limits.thresholds)
        return {"column": "value", "min_value": low, "max_value": high}

    kind = "ExpectColumnValuesToBeBetween"
    return Rule(name, Severity.WARNING, description, kind, arguments, on_figures=True)


def _shape(
    keep: Callable[[CheckLimits], tuple[float, float]],
    language_drift: Callable[[CheckLimits], float],
    length_drift: Callable[[CheckLimits], float],
    unspaced: Callable[[CheckLimits], float],
) -> tuple[Rule, ...]:
    """What is left of each language, and how languages and lengths have moved against the raw shard."""
    return (
        figured("keep_ratio_by_language", "In each language, kept / came in stays in its band.", keep),
        figured(
            "language_drift",
            "The languages have the shares that they have in the raw shard (half the sum of the differences "
            "of their shares; 0: the same, 1: nothing in common).",
            lambda t: (0.0, language_drift(t)),
        ),
        figured(
            "length_drift",
            "What is left is as long as the documents of the raw shard (Kolmogorov-Smirnov distance).",
            lambda t: (0.0, length_drift(t)),
        ),
        figured(
            "unspaced_retention",
            "Characters of scripts without spaces (Chinese, Japanese, Thai, …) are retained.",
            lambda t: (unspaced(t), 1.0),
        ),
    )


REFINED_SHAPE = _shape(
    lambda t: t.language_keep_ratio,
    lambda t: t.max_language_drift,
    lambda t: t.max_length_drift,
    lambda t: t.min_unspaced_retention,
)
RULES_SHAPE = _shape(
    lambda t: t.rule_keep_ratio,
    lambda t: t.max_rule_drift,
    lambda t: t.max_rule_drift,
    lambda t: t.rule_keep_ratio[0],
)
RETENTION = (
    figured(
        "number_retention",
        "Numbers are retained (in a sample of documents).",
        lambda t: (t.min_number_retention, 1.0),
    ),
    figured(
        "rare_word_retention",
        "Words that only one document of the sample has are retained.",
        lambda t: (t.min_rare_word_retention, 1.0),
    ),
    figured(
        "edits_by_position",
        "No tenth of the pages takes most of the removed text: an editor that only cuts tails shows here.",
        lambda t: (0.0, t.max_position_share),
    ),
)
