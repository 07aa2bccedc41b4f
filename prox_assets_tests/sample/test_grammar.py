import pytest

from prox_assets.sample.grammar import (
    Chance,
    Choice,
    GrammarError,
    Slot,
    Span,
    Voice,
    parse_rules,
    parse_template,
    slots,
)


def test_a_template_is_text_slots_choices_and_numbers():
    assert parse_template("a <b^> <c|d <e>|> <#3-9> >") == (
        "a ",
        Slot("b", True),
        " ",
        Choice((("c",), ("d ", Slot("e", False)), ())),
        " ",
        Span(3, 9),
        " >",
    )
    assert slots(parse_template("<a> <b|<c> d>")) == {"a", "c"}


def test_an_open_slot_is_refused_with_the_template():
    with pytest.raises(GrammarError, match="opens a slot"):
        parse_template("hello <name")


def test_rules_replace_add_and_belong_to_topics():
    parsed = parse_rules(["# note", "= a: x; y", "+ b", "  one: two; three", "* topic", "= a: z"], "test")
    assert parsed.rules == {"a": ["x", "y"], "b": ["one: two; three"]}
    assert parsed.adding == {"b"}
    assert parsed.topics == {"topic": {"a": ["z"]}}


def test_a_line_that_is_nothing_is_refused_with_its_number():
    with pytest.raises(GrammarError, match=r"test\.txt, line 2"):
        parse_rules(["= a: x", "stray"], "test")


def test_a_voice_says_every_template_before_it_repeats_one():
    rules = {"n": tuple((str(i),) for i in range(7))}
    voice = Voice(rules, Chance("deck"), {})
    first, second = [voice.say("n") for _ in range(7)], [voice.say("n") for _ in range(7)]
    assert sorted(first) == sorted(second) == [str(i) for i in range(7)]
    assert first != second


def test_a_missing_rule_is_named():
    with pytest.raises(GrammarError, match="'nobody'"):
        Voice({}, Chance(1), {}).say("nobody")
