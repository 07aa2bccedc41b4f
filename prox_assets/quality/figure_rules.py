"""Expectations of a shard's figures (``sql/figures/``): what refining did to the corpus as a whole."""

from collections.abc import Callable

from prox_assets.quality.rules import Rule, Thresholds, figured


def _shape(
    keep: Callable[[Thresholds], tuple[float, float]],
    language_drift: Callable[[Thresholds], float],
    length_drift: Callable[[Thresholds], float],
    unspaced: Callable[[Thresholds], float],
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
