"""Gopher's document quality rules (MassiveText; Rae et al. 2021, arXiv 2112.11446, appendix A.1.1)."""

import polars as pl

from prox_assets.baselines.words import TEXT, plain_words, share, share_of_lines, words

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
MIN_WORDS = 50
MAX_WORDS = 100_000
MEAN_WORD_CHARACTERS = (3, 10)
MAX_SYMBOLS_PER_WORD = 0.1
MAX_BULLET_LINES = 0.9
MAX_ELLIPSIS_LINES = 0.3
MIN_ALPHABETIC_WORDS = 0.8
MIN_STOP_WORDS = 2

_ELLIPSIS = r"\.\.\.|…"


def gopher_rules() -> dict[str, pl.Expr]:
    """Reason code → expression that is true where the rule drops the document."""
    n_words = words().list.len()
    n_plain = plain_words().list.len()
    mean_length = plain_words().list.eval(pl.element().str.len_chars()).list.mean().fill_null(0)
    alphabetic = words().list.eval(pl.element().str.contains(r"\p{L}")).list.sum()
    return {
        "gopher_short_doc": n_plain < MIN_WORDS,
        "gopher_long_doc": n_plain > MAX_WORDS,
        "gopher_below_avg_threshold": mean_length < MEAN_WORD_CHARACTERS[0],
        "gopher_above_avg_threshold": mean_length > MEAN_WORD_CHARACTERS[1],
        "gopher_too_many_hashes": _symbols_per_word("#", n_words),
        "gopher_too_many_ellipsis": _symbols_per_word(_ELLIPSIS, n_words),
        "gopher_too_many_bullets": share_of_lines(r"^\s*[•\-]") > MAX_BULLET_LINES,
        "gopher_too_many_end_ellipsis": share_of_lines(rf"(?:{_ELLIPSIS})\s*$") > MAX_ELLIPSIS_LINES,
        "gopher_below_alpha_threshold": share(alphabetic, n_words) < MIN_ALPHABETIC_WORDS,
        "gopher_enough_stop_words": _distinct_stop_words() < MIN_STOP_WORDS,
    }


def _symbols_per_word(pattern: str, n_words: pl.Expr) -> pl.Expr:
    return share(TEXT.str.count_matches(pattern), n_words) > MAX_SYMBOLS_PER_WORD


def _distinct_stop_words() -> pl.Expr:
    return pl.sum_horizontal(words().list.contains(word).cast(pl.Int32) for word in STOP_WORDS)
