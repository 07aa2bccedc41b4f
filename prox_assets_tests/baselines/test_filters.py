import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.baselines.rules import RULESETS, filter_expressions, kept_text, rule_filtered
from prox_assets.errors import CatalogueError

SENTENCE = "The cat that we have seen sat with us on the mat.\n"
ARTICLE = "".join(f"Sentence {word} goes to the end of the street and is fine.\n" for word in "abcdefg")


def fails(rule: str, text: str) -> bool:
    ruleset = rule.split("_")[0]
    return bool(pl.DataFrame({"text": [text]}).select(filter_expressions(ruleset)[rule]).item())


def reasons(texts: list[str], ruleset: str) -> list[str]:
    return rule_filtered(pl.LazyFrame({"text": texts}), ruleset).collect()["reason"].to_list()


# Each rule with a text on the last allowed side of its limit and one beyond it.
BOUNDARIES = [
    ("gopher_short_doc", "word " * 50, "word " * 49),
    ("gopher_long_doc", "word " * 100_000, "word " * 100_001),
    ("gopher_below_avg_threshold", "abc " * 60, "abc " * 59 + "ab"),
    ("gopher_above_avg_threshold", "tencharact " * 60, "tencharact " * 59 + "elevencharz"),
    ("gopher_too_many_hashes", "word " * 9 + "#", "word " * 8 + "#"),
    ("gopher_too_many_ellipsis", "word " * 9 + "…", "word " * 8 + "..."),
    ("gopher_too_many_bullets", "- a\n" * 9 + "a", "- a\n" * 10 + " • b"),
    ("gopher_too_many_end_ellipsis", "a...\n" * 3 + "a\n" * 6 + "a", "a… \n" * 4 + "a\n" * 5 + "a"),
    ("gopher_below_alpha_threshold", "word " * 8 + "1 2", "word " * 7 + "1 2 3"),
    ("gopher_enough_stop_words", "the cat and dog", "the the cat"),
    ("c4_lorem_ipsum", ARTICLE + "lorem ipsum dolor", ARTICLE + "Lorem ipsum dolor sit.\n"),
    ("c4_curly_bracket", ARTICLE + "a { b }", ARTICLE + "this { is code }."),
    ("c4_too_few_sentences", "It is so. Is it? Yes! It is so. Yes.", "It is so. Is it? Yes! It is so"),
    ("fineweb_empty", "a", " \n \n"),
    ("fineweb_line_punct_ratio", "a.\n" * 12 + "a\n" * 88, "a.\n" * 11 + "a\n" * 89),
    ("fineweb_short_line_ratio", "b" * 31 + "\n" + "a\na", "b" * 30 + "\n" + "a\na"),
    ("fineweb_char_dup_ratio", "a\n" + "b" * 98 + "\na", "a\n" + "b" * 97 + "\na"),
    ("fineweb_list_ratio", "a b c d e f g\nh\ni\nj", "a b c d e f\ng\nh\ni"),
]


@pytest.mark.parametrize(("rule", "passing", "failing"), BOUNDARIES, ids=[rule for rule, *_ in BOUNDARIES])
def test_each_rule_at_its_limit(rule: str, passing: str, failing: str) -> None:
    assert not fails(rule, passing)
    assert fails(rule, failing)


def test_every_rule_has_a_boundary_case() -> None:
    assert {rule for rule, *_ in BOUNDARIES} == set(filter_expressions("all"))


@pytest.mark.parametrize("mark", [*".!?。！？", "؟", "।"])
def test_sentences_end_in_many_scripts(mark: str) -> None:
    assert not fails("fineweb_line_punct_ratio", f"line{mark}\n" * 3)


def test_c4_drops_lines_and_counts_what_is_left() -> None:
    noise = "Home\nPlease enable JavaScript to read this.\nSee the privacy policy for more.\nToo short.\n"
    assert reasons([noise + ARTICLE], "c4") == [""]
    assert reasons([noise * 3 + SENTENCE], "c4") == ["c4_too_few_sentences"]
    kept = pl.DataFrame({"text": [noise + "We say so[12] to all of you.\n" + ARTICLE]}).select(
        kept_text("c4")
    )
    assert kept.item() == "We say so to all of you.\n" + ARTICLE.rstrip("\n")


def test_a_curly_bracket_in_a_line_that_goes_anyway_does_no_harm() -> None:
    assert not fails("c4_curly_bracket", ARTICLE + "Enable javascript { now }.\n")


def test_good_prose_passes_all_rules() -> None:
    prose = "\n".join(
        f"{SENTENCE.strip()} {number} more of these and those to be with us." for number in range(9)
    )
    assert reasons([prose], "all") == [""]


def test_chinese_prose_falls_to_the_english_rules_as_published() -> None:
    prose = "今天的天气很好，我们去公园散步。\n" * 30
    assert reasons([prose], "gopher") == ["gopher_below_alpha_threshold"]
    assert fails("gopher_above_avg_threshold", "今天天气很好我们去公园散步" * 3)


@given(st.lists(st.text(alphabet="a B.!{#…-•\n\"中1'", max_size=60), min_size=1, max_size=5))
def test_rows_are_conserved_and_the_reason_is_the_first_failing_rule(texts: list[str]) -> None:
    for ruleset in RULESETS:
        rules = filter_expressions(ruleset)
        frame = rule_filtered(pl.LazyFrame({"text": texts, "n": range(len(texts))}), ruleset).collect()
        assert frame["n"].to_list() == list(range(len(texts)))
        verdicts = frame.select(**rules).to_dicts()
        assert frame["reason"].to_list() == [next((c for c in rules if v[c]), "") for v in verdicts]
        assert frame["status"].to_list() == ["dropped" if any(v.values()) else "kept" for v in verdicts]


def test_an_unknown_rule_set_is_refused() -> None:
    with pytest.raises(CatalogueError, match="gopher, c4, fineweb, all"):
        filter_expressions("massive")
