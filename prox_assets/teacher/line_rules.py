"""Line rules: what each published signal says about a line, as evidence for noise (+) or content (-).

Weights are in log-odds, rounded to tenths. Where a paper gives a threshold it is used; papers give no
weights, so those were set by hand with people's line labels in view (figures in docs/teachers.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prox_assets.teacher import line_patterns as patterns
from prox_assets.teacher.blocks import Kind
from prox_assets.teacher.lines import Line

Test = Callable[[Line], bool | float]


@dataclass(frozen=True, slots=True)
class LineRule:
    """One published signal: its name in justifications, where it is from, and what it weighs."""

    name: str
    source: str
    weight: float
    test: Test


def is_prose(line: Line) -> bool:
    """A line that C4 keeps: it ends a sentence and has more than a few words, some of them function words.

    What a script has no mark for, or no list of words is there for, is not asked.
    """
    stops = line.stop_density is None or line.stop_density > 0.15
    return line.ends_sentence is not False and line.n_words >= 5 and stops


def _is_code(line: Line) -> bool:
    return bool(patterns.CODE.search(line.text)) and not (
        "$" in line.text or patterns.MACRO.search(line.text)
    )


def _speaks_to_the_visitor(line: Line) -> bool:
    """A line that says you or your and uses the vocabulary of pages: an invitation, a notice, a form."""
    return line.chrome_density > 0 and bool(patterns.TO_THE_VISITOR.search(line.text))


def _lacks_stop_words(line: Line) -> bool:
    return line.width >= 70 and line.stop_density is not None and line.stop_density < 0.2


def _is_damaged_formula(line: Line) -> bool:
    return bool(patterns.MACRO.search(line.text)) and line.text.count("{") != line.text.count("}")


def _is_formula(line: Line) -> bool:
    if _is_damaged_formula(line) or patterns.LAYOUT_MACRO.search(line.text):
        return False
    return (
        bool(patterns.FORMULA.search(line.text))
        and not patterns.CODE.search(line.text)
        and not line.url_share
    )


def _has_separator(line: Line) -> bool:
    return bool(patterns.SEPARATOR.search(patterns.QUOTATION.sub("q", line.text), 1))


RULES = (
    LineRule("no_sentence_end", "C4", 0.7, lambda line: line.ends_sentence is False),
    LineRule("under_3_words", "C4", 0.4, lambda line: line.n_words < 3),
    LineRule("sentence", "C4", -0.3, is_prose),
    LineRule("policy_phrase", "C4", 0.6, lambda line: bool(patterns.POLICY.search(line.lower))),
    LineRule("code", "C4", 1.0, _is_code),
    LineRule("short_line", "FineWeb", 0.2, lambda line: line.width <= 30),
    LineRule("under_70", "jusText", 0.2, lambda line: line.width < 70),
    LineRule("over_120", "jusText", -0.5, lambda line: line.width >= 120),
    LineRule("over_200", "jusText", -0.5, lambda line: line.width >= 200),
    LineRule("stop_words", "jusText", -0.4, lambda line: (line.stop_density or 0) > 0.32),
    LineRule("long_without_stop_words", "jusText", 0.6, _lacks_stop_words),
    LineRule("introduces", "jusText headings", -0.6, lambda line: line.text.endswith((":", "："))),
    LineRule("upper_case", "RefinedWeb", 0.2, lambda line: line.text.isupper() and line.width > 3),
    LineRule("only_numbers", "RefinedWeb", 0.6, lambda line: not line.words and bool(line.text)),
    LineRule("counter", "RefinedWeb", 0.4, lambda line: bool(patterns.COUNTER.fullmatch(line.text))),
    LineRule("one_word", "RefinedWeb", 0.2, lambda line: line.n_words <= 1),
    LineRule("invitation", "RefinedWeb", 1.1, lambda line: bool(patterns.INVITATION.search(line.lower))),
    LineRule("exclamation", "RefinedWeb", 0.9, lambda line: line.text.endswith(("!", "！"))),
    LineRule(
        "date", "RefinedWeb", 1.3, lambda line: line.width < 70 and bool(patterns.DATE.search(line.text))
    ),
    LineRule(
        "handle", "RefinedWeb", 0.8, lambda line: line.n_words < 5 and bool(patterns.HANDLE.search(line.text))
    ),
    LineRule("truncated", "Gopher", 1.2, lambda line: bool(patterns.TRUNCATED.search(line.text))),
    LineRule("bullet", "jusText lists", -0.3, lambda line: bool(patterns.BULLET.match(line.text))),
    LineRule("quantity", "this project", -0.8, lambda line: bool(patterns.QUANTITY.search(line.text))),
    LineRule("separator", "Gopher symbols", 0.4, _has_separator),
    LineRule("symbol_run", "Gopher symbols", 0.5, lambda line: bool(patterns.SYMBOL_RUN.search(line.text))),
    LineRule("rating", "Gopher symbols", 0.6, lambda line: bool(patterns.RATING.search(line.text))),
    LineRule("link_density", "Boilerpipe", 0.6, lambda line: line.url_share > 0.25),
    LineRule("only_an_address", "Boilerpipe", 1.5, lambda line: line.url_share > 0.8),
    LineRule("rights", "Boilerpipe", 1.2, lambda line: bool(patterns.RIGHTS.search(line.lower))),
    LineRule("of_itself", "Boilerpipe", 0.8, lambda line: bool(patterns.OF_ITSELF.search(line.lower))),
    LineRule("to_the_visitor", "Boilerpipe", 0.7, _speaks_to_the_visitor),
    LineRule("copyright", "Boilerpipe", 1.0, lambda line: bool(patterns.COPYRIGHT.search(line.text))),
    LineRule("chrome_words", "Boilerpipe", 1.5, lambda line: line.chrome_density),
    LineRule("mostly_chrome", "Boilerpipe", 0.8, lambda line: line.chrome_density > 0.25),
    LineRule("much_chrome", "Boilerpipe", 0.4, lambda line: line.chrome_density * line.n_words >= 3),
    LineRule("repeated_in_document", "Gopher repetition", 0.3, lambda line: line.repeats > 1),
    LineRule("repeated_in_source", "CCNet", 1.1, lambda line: line.document_share > 0),
    LineRule("frequent_in_source", "CCNet", 1.0, lambda line: line.document_share > 0.3),
    LineRule("mojibake", "ftfy", 2.0, lambda line: bool(patterns.MOJIBAKE.search(line.text))),
    LineRule("tracking", "Boilerpipe", 2.0, lambda line: bool(patterns.TRACKING.search(line.text))),
    LineRule("formula", "OpenWebMath", -1.2, _is_formula),
    LineRule("damaged_formula", "OpenWebMath", 1.2, _is_damaged_formula),
    LineRule("layout_macro", "OpenWebMath", 1.0, lambda line: bool(patterns.LAYOUT_MACRO.search(line.text))),
)


def evidence(line: Line, bias: float) -> float:
    """Sum of the weights of the rules that hold, on top of `bias`; 0 for a blank line."""
    if line.is_blank:
        return 0.0
    return bias + sum(rule.weight * float(rule.test(line)) for rule in RULES)


# What a block is before its lines speak, in log-odds of noise; columns without a rule are as often layout.
_BLOCK_EVIDENCE = {Kind.FENCE: -1.2, Kind.FORMULA: -1.2, Kind.PROGRAM: -1.2, Kind.TABLE: -0.6}
# The rules that say something of a block; the others are about lines of prose.
_BLOCK_RULES = frozenset({"repeated_in_source", "frequent_in_source", "mojibake", "tracking"})
_TABLE_RULES = _BLOCK_RULES | {
    "policy_phrase", "invitation", "only_an_address", "rights", "of_itself", "to_the_visitor", "copyright",
    "chrome_words", "mostly_chrome", "much_chrome",
}  # fmt: skip


def block_evidence(kind: Kind, lines: Sequence[Line], bias: float) -> float:
    """Evidence for a block on top of `bias`: what it is, and the mean of what its visible lines say of it."""
    visible = [line for line in lines if not line.is_blank]
    if kind is Kind.COLUMNS:
        return sum(evidence(line, bias) for line in visible) / max(1, len(visible))
    names = _TABLE_RULES if kind is Kind.TABLE else _BLOCK_RULES
    said = sum(
        rule.weight * float(rule.test(line)) for rule in RULES if rule.name in names for line in visible
    )
    return bias + _BLOCK_EVIDENCE[kind] + said / max(1, len(visible))


def holding(line: Line) -> list[str]:
    """Names of the rules that hold for a line, for justifications."""
    return [] if line.is_blank else [rule.name for rule in RULES if rule.test(line)]
