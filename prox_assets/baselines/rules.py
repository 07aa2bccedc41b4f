"""Published filter rules as Polars expressions, and the filter that applies a set of them.

C4: Raffel et al. 2020, JMLR 21/140, section 2.2, and the published cleaning code. Gopher: MassiveText, Rae et
al. 2021, arXiv 2112.11446, appendix A.1.1. FineWeb: Penedo et al. 2024, arXiv 2406.17557, section 3.6, with
datatrove's defaults.

C4 takes lines out of a page and drops the page for what is left. The list of bad words is left out: it drops
pages by topic, which is no question of quality.
"""

import polars as pl
import pyarrow as pa

from prox_assets.documents.schema import RAW, RULE_FILTERED
from prox_assets.errors import CatalogueError

TEXT = pl.col("text")

# An address is a word; so is a run of letters and digits with inner points, commas, colons or slashes, and
# an ending behind an apostrophe; so is a run of other visible characters. Scripts without spaces come out as
# one word per run, as in the published rules, which know only languages that have spaces. Against the words
# of datatrove 0.10.1 (spaCy), 97% of 700 English pages get the same verdict from the Gopher rules; what
# differs is nearly always the alphabetic share of pages close to its limit.
_WORD = r"https?://\S+|www\.\S+|\w+(?:[.,:/]\w+)*|['’]\w+|[^\w\s]+"


def words() -> pl.Expr:
    """All words of the text, symbol words included."""
    return TEXT.str.extract_all(_WORD)


def plain_words() -> pl.Expr:
    """The words that hold a letter or a digit."""
    return words().list.eval(pl.element().filter(pl.element().str.contains(r"[\p{L}\p{N}]")))


def lines() -> pl.Expr:
    """All lines of the text, split at the newline alone."""
    return TEXT.str.split("\n")


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """`part / whole`, and 0 where there is nothing to take a share of."""
    return part / pl.max_horizontal(whole, pl.lit(1))


def share_of_lines(pattern: str) -> pl.Expr:
    """Share of the text's lines that match a regular expression."""
    matches = lines().list.eval(pl.element().str.contains(pattern))
    return share(matches.list.sum(), matches.list.len())


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
_C4_TERMINAL = r"[.?!\"']$"
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
        & line.str.contains(_C4_TERMINAL)
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


MIN_PUNCTUATED_LINES = 0.12
MAX_SHORT_LINES = 0.67
SHORT_LINE_CHARACTERS = 30
MAX_REPEATED_CHARACTERS = 0.01
MAX_NEWLINES_PER_WORD = 0.3

_TERMINAL = r"(?:\p{Sentence_Break=STerm}|\p{Sentence_Break=ATerm})$"


def fineweb_rules() -> dict[str, pl.Expr]:
    """Reason code → expression that is true where the rule drops the document."""
    filled = lines().list.eval(pl.element().filter(pl.element().str.strip_chars() != ""))
    n_lines = filled.list.len()
    punctuated = filled.list.eval(pl.element().str.contains(_TERMINAL)).list.sum()
    short = filled.list.eval(pl.element().str.len_chars() <= SHORT_LINE_CHARACTERS).list.sum()
    repeated = _characters(filled) - _characters(filled.list.unique())
    characters = TEXT.str.replace_all("\n", "", literal=True).str.len_chars()
    newlines = TEXT.str.count_matches("\n", literal=True)
    return {
        "fineweb_empty": n_lines == 0,
        "fineweb_line_punct_ratio": share(punctuated, n_lines) < MIN_PUNCTUATED_LINES,
        "fineweb_short_line_ratio": share(short, n_lines) > MAX_SHORT_LINES,
        "fineweb_char_dup_ratio": share(repeated, characters) > MAX_REPEATED_CHARACTERS,
        "fineweb_list_ratio": share(newlines, words().list.len()) > MAX_NEWLINES_PER_WORD,
    }


def _characters(lines_of_text: pl.Expr) -> pl.Expr:
    return lines_of_text.list.eval(pl.element().str.len_chars().cast(pl.Int64)).list.sum()


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


def filtered_table(ruleset: str, documents: pa.Table) -> pa.Table:
    """Filter documents (`RAW`) by a rule set (`RULE_FILTERED`): one row each, with the text that is left.

    Dropped documents have no text. Only C4 changes kept ones: it removes lines and citation marks.
    """
    frame = pl.DataFrame(documents.select(RAW.names)).lazy()
    judged = rule_filtered(frame, ruleset).with_columns(
        pl.when(pl.col("status") == DROPPED).then(pl.lit("")).otherwise(kept_text(ruleset)).alias("text")
    )
    return judged.collect().to_arrow().select(RULE_FILTERED.names).cast(RULE_FILTERED)
