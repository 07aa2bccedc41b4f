"""The C4 rules (Raffel et al. 2020, JMLR 21/140, section 2.2, and the published cleaning code).

C4 takes lines out of a page and drops the page for what is left. The list of bad words is left out: it drops
pages by topic, which is no question of quality.
"""

import polars as pl

from prox_assets.baselines.words import TEXT

MIN_SENTENCES = 5
MIN_WORDS_PER_LINE = 3
MAX_WORD_CHARACTERS = 1_000
POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)

_CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
_TERMINAL = r"[.?!\"']$"
_SENTENCE_END_INSIDE = r"[.!?。！？][\"'”’)\]]*\s+\S"


def c4_rules() -> dict[str, pl.Expr]:
    """Reason code → expression that is true where the rule drops the page."""
    return {
        "c4_lorem_ipsum": _any_line(_is_sentence_line() & _mentions("lorem ipsum")),
        "c4_curly_bracket": _any_line(
            _is_sentence_line() & ~_mentions("javascript") & _line().str.contains("{", literal=True)
        ),
        "c4_too_few_sentences": _sentences() < MIN_SENTENCES,
    }


def c4_kept_text() -> pl.Expr:
    """The text without the lines that C4 takes out, and without citation marks in those that stay."""
    return _kept_lines().list.join("\n")


def _line() -> pl.Expr:
    return pl.element().str.strip_chars().str.replace_all(_CITATION, "")


def _mentions(phrase: str) -> pl.Expr:
    return _line().str.to_lowercase().str.contains(phrase, literal=True)


def _is_sentence_line() -> pl.Expr:
    line = _line()
    return (
        ~line.str.contains(rf"\S{{{MAX_WORD_CHARACTERS + 1}}}")
        & line.str.contains(_TERMINAL)
        & ~line.str.ends_with("...")
        & (pl.element().str.count_matches(r"\S+") >= MIN_WORDS_PER_LINE)
    )


def _is_kept_line() -> pl.Expr:
    policy = pl.any_horizontal(_mentions(phrase) for phrase in POLICY_PHRASES)
    return _is_sentence_line() & ~_mentions("javascript") & ~policy


def _lines() -> pl.Expr:
    return TEXT.str.split("\n")


def _any_line(condition: pl.Expr) -> pl.Expr:
    return _lines().list.eval(condition).list.any()


def _kept_lines() -> pl.Expr:
    return _lines().list.eval(_line().filter(_is_kept_line()))


def _sentences() -> pl.Expr:
    inside = _kept_lines().list.eval(pl.element().str.count_matches(_SENTENCE_END_INSIDE) + 1)
    return inside.list.sum()
