"""The two template sets share single words and names (the `words` files), and no template."""

import re
from collections.abc import Iterator
from itertools import product

import pytest

from prox_assets.sample.grammar import FOLDER, LANGUAGES, TEMPLATE_SETS, load_grammar, read_rules, slots
from prox_assets.sample.pages import DOMAINS

WORD_RULES = {"people", "places"}
"""Lexica of plain words ("students", "geometry") which topics of both sets may have."""


def _templates(templates: str) -> Iterator[tuple[str, str, str]]:
    for path in sorted(FOLDER.glob(f"*.{templates}.txt")):
        parsed = read_rules(path.stem)
        for rules in (parsed.rules, *parsed.topics.values()):
            for rule, texts in rules.items():
                yield from ((path.stem, rule, text) for text in texts if rule not in WORD_RULES)


def _forms(text: str) -> set[tuple[str, str]]:
    """What of a template must not come again: its words around its slots, and its words alone if several."""
    while (collapsed := re.sub(r"<[^<>]*>", "□", text)) != text:
        text = collapsed
    around = re.sub(r"\s*□[\s□]*", " □ ", re.sub(r"[^\w□]+", " ", text.casefold())).strip()
    alone = re.sub(r"[\W_□]+", " ", text.casefold()).strip()
    long = len(alone.split()) > 1 or len(re.findall("[一-鿿]", alone)) > 3
    return ({("around slots", around)} if alone else set()) | ({("words", alone)} if long else set())


def test_no_template_is_in_both_sets():
    train = {form: where for where in _templates("train") for form in _forms(where[2])}
    shared = [
        (train[form], where) for where in _templates("eval") for form in _forms(where[2]) if form in train
    ]
    assert shared == []


def test_the_comparison_sees_a_template_in_other_dress():
    assert _forms("Read the <#3-9> <a|b> now!") & _forms("read  the <things> - Now")
    assert not _forms("<things> | <title>")


def test_no_topic_is_in_both_sets():
    for domain, language in product(DOMAINS, LANGUAGES):
        train, held = (load_grammar(domain, language, templates).topics for templates in TEMPLATE_SETS)
        facts = [{fact for topic in topics.values() for fact in topic["facts"]} for topics in (train, held)]
        assert not facts[0] & facts[1]
        assert len(train) >= 4
        assert len(held) >= 2


@pytest.mark.parametrize(
    ("domain", "language", "templates"), list(product(DOMAINS, LANGUAGES, TEMPLATE_SETS))
)
def test_every_slot_can_be_filled_on_every_topic(domain: str, language: str, templates: str):
    grammar = load_grammar(domain, language, templates)
    fixed = {"@site", "@host", "@title", "@home_label"}
    for topic in grammar.topics.values():
        rules = {**grammar.rules, **topic}
        asked = {slot for texts in rules.values() for text in texts for slot in slots(text)}
        assert asked - rules.keys() - fixed == set()


@pytest.mark.parametrize(("domain", "language"), list(product(DOMAINS, LANGUAGES)))
def test_both_sets_know_the_same_rules(domain: str, language: str):
    train, held = (load_grammar(domain, language, templates).rules.keys() for templates in TEMPLATE_SETS)
    assert train == held
