"""FineWeb's own quality rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6; datatrove's defaults)."""

import polars as pl

from prox_assets.baselines.words import TEXT, lines, share, words

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
