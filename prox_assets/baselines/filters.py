"""Rule sets by name, and the filter that gives every document a status and a reason."""

import polars as pl

from prox_assets.baselines.c4 import c4_kept_text, c4_rules
from prox_assets.baselines.fineweb import fineweb_rules
from prox_assets.baselines.gopher import gopher_rules
from prox_assets.baselines.words import TEXT
from prox_assets.errors import CatalogueError

KEPT = "kept"
DROPPED = "dropped"
_RULES = {"gopher": gopher_rules, "c4": c4_rules, "fineweb": fineweb_rules}
RULESETS = (*_RULES, "all")


def filter_expressions(ruleset: str) -> dict[str, pl.Expr]:
    """Reason code → expression over `text`, true where that rule drops the document; in order of testing.

    Raises:
        CatalogueError: the rule set is unknown.
    """
    if ruleset == "all":
        return {code: rule for rules in _RULES.values() for code, rule in rules().items()}
    if ruleset not in _RULES:
        raise CatalogueError(f"there is no rule set {ruleset!r}; choose one of {', '.join(RULESETS)}")
    return _RULES[ruleset]()


def rule_filtered(frame: pl.LazyFrame, ruleset: str) -> pl.LazyFrame:
    """Add `status` (kept or dropped) and `reason` (the first rule that drops the document, or "").

    One row for each row of the input, which needs a `text` column. Every rule reads the source text.
    """
    failing = [
        pl.when(rule).then(pl.lit(code, dtype=pl.String))
        for code, rule in filter_expressions(ruleset).items()
    ]
    reason = pl.coalesce(*failing, pl.lit(""))
    return frame.with_columns(reason.alias("reason")).with_columns(
        pl.when(pl.col("reason") == "").then(pl.lit(KEPT)).otherwise(pl.lit(DROPPED)).alias("status")
    )


def kept_text(ruleset: str) -> pl.Expr:
    """The text of a kept document as the rule set leaves it: C4 takes lines out, the others none."""
    return c4_kept_text() if ruleset in ("c4", "all") else TEXT
