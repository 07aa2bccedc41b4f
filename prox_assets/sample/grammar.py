"""Templates with slots, the grammar files they are read from, and the text that they become.

`<rule>` is a slot, `<rule^>` the same with a capital, `<a|b|>` a choice written in place, `<#3-40>` a whole
number of that range. Everything else stands for itself.

A file holds rules: a line `= rule` opens one and replaces what an earlier file said, `+ rule` adds to it; the
indented lines below are its templates, or `= rule: a; b; c` gives them in one line. A line `* topic` opens a
topic, whose rules are laid over the others on the pages that are about it. `#` starts a comment line.
Files named `words` hold single words and names and are shared; all others belong to one template set.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TypeVar

from prox_assets.errors import ProxError


class GrammarError(ProxError):
    """A grammar file of the embedded corpus is malformed, or a rule that a page needs is missing."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place filled from a rule."""

    rule: str
    capital: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A whole number, both ends included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Templates of which one is taken."""

    options: tuple["Template", ...]


Part = str | Slot | Span | Choice
Template = tuple[Part, ...]
Rules = Mapping[str, tuple[Template, ...]]


def parse_template(text: str) -> Template:
    """Read one template; raises GrammarError where a bracket stays open."""
    parts: list[Part] = []
    at = 0
    while (opening := text.find("<", at)) >= 0:
        closing = _closing(text, opening)
        if opening > at:
            parts.append(text[at:opening])
        parts.append(_slot(text[opening + 1 : closing]))
        at = closing + 1
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def slots(template: Template) -> set[str]:
    """The rules that a template asks for, at any depth."""
    found: set[str] = set()
    for part in template:
        if isinstance(part, Slot):
            found.add(part.rule)
        elif isinstance(part, Choice):
            found.update(*(slots(option) for option in part.options))
    return found


def _closing(text: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(text)):
        depth += {"<": 1, ">": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise GrammarError(f"The template {text!r} opens a slot that it does not close: add the missing '>'.")


def _slot(inside: str) -> Part:
    options = _options(inside)
    if len(options) > 1:
        return Choice(tuple(parse_template(option) for option in options))
    if inside.startswith("#"):
        low, _, high = inside[1:].partition("-")
        return Span(int(low), int(high))
    return Slot(inside.removesuffix("^"), inside.endswith("^"))


def _options(inside: str) -> list[str]:
    options, depth, start = [], 0, 0
    for at, char in enumerate(inside):
        depth += {"<": 1, ">": -1}.get(char, 0)
        if char == "|" and depth == 0:
            options.append(inside[start:at])
            start = at + 1
    return [*options, inside[start:]]


FOLDER = Path(__file__).parent / "grammars"
TEMPLATE_SETS = ("train", "eval")
LANGUAGES = ("en", "de", "zh")


@dataclass(slots=True)
class RuleFile:
    """The parsed text of one file: templates by rule, rules that add to earlier ones, topics."""

    rules: dict[str, list[str]] = field(default_factory=dict)
    adding: set[str] = field(default_factory=set)
    topics: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grammar:
    """All rules for the pages of one domain, language and template set, and the topics to lay over them."""

    rules: Rules
    topics: Mapping[str, Rules]


def file_names(domain: str, language: str, templates: str) -> tuple[str, ...]:
    """The files that make a grammar, general ones first."""
    names = ["any.words", f"{language}.words", f"any.{templates}", f"{language}.{templates}"]
    if domain == "math":
        return (*names, f"math.{templates}", f"{language}.math.{templates}")
    return (*names, f"{language}.topics.{templates}")


@cache
def load_grammar(domain: str, language: str, templates: str) -> Grammar:
    """Merge the files of a domain, language and template set. Raises GrammarError on a malformed file."""
    merged: dict[str, list[str]] = {}
    topics: dict[str, dict[str, list[str]]] = {}
    for name in file_names(domain, language, templates):
        part = read_rules(name)
        for rule, texts in part.rules.items():
            merged[rule] = [*merged.get(rule, []), *texts] if rule in part.adding else texts
        topics.update(part.topics)
    return Grammar(_parsed(merged), {name: _parsed(rules) for name, rules in topics.items()})


@cache
def read_rules(name: str) -> RuleFile:
    """Parse the file of that name (without `.txt`)."""
    return parse_rules((FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n"), name)


def parse_rules(lines: Iterable[str], name: str) -> RuleFile:
    """Parse the lines of a grammar file; `name` is for the error message."""
    parsed = RuleFile()
    scope, current = parsed.rules, None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  ") and current is not None:
            current.append(line.strip())
        elif line.startswith("* "):
            scope, current = parsed.topics.setdefault(line[2:].strip(), {}), None
        elif line.startswith(("= ", "+ ")):
            current = _open_rule(line, scope, parsed)
        else:
            raise GrammarError(f"{name}.txt, line {number}: {line!r} is no rule, topic, template or comment.")
    return parsed


def _open_rule(line: str, scope: dict[str, list[str]], parsed: RuleFile) -> list[str]:
    rule, _, inline = line[2:].partition(":")
    if line.startswith("+ "):
        parsed.adding.add(rule.strip())
    templates = scope.setdefault(rule.strip(), [])
    templates.extend(text.strip() for text in inline.split(";") if text.strip())
    return templates


def _parsed(rules: Mapping[str, list[str]]) -> dict[str, tuple[Template, ...]]:
    return {rule: tuple(parse_template(text) for text in texts) for rule, texts in rules.items()}


T = TypeVar("T")


class Chance:
    """Random choices that are the same on every platform and Python version.

    Only `Random.random()` is used: the library promises its sequence for an integer seed.
    """

    def __init__(self, *key: str | int) -> None:
        digest = sha256("/".join(map(str, key)).encode()).digest()
        self._next = Random(int.from_bytes(digest[:16], "big")).random

    def unit(self) -> float:
        """A number of [0, 1)."""
        return self._next()

    def happens(self, probability: float) -> bool:
        """True with that probability."""
        return self._next() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._next() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self._next() * len(options))]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Up to `count` different options, in random order."""
        rest = list(options)
        return [self.draw(rest) for _ in range(min(count, len(rest)))]

    def draw(self, deck: list[T]) -> T:
        """One of the deck, which loses it."""
        return deck.pop(int(self._next() * len(deck)))

    def weighted(self, options: Mapping[T, int]) -> T:
        """One of the keys, by their weights."""
        left = self._next() * sum(options.values())
        for option, weight in options.items():
            left -= weight
            if left < 0:
                return option
        return option


class Voice:
    """Speaks the rules of one grammar: `say("title")` is a new text at every call.

    The templates of a rule come like cards from a shuffled deck: none twice before all have come.
    """

    def __init__(self, rules: Rules, chance: Chance, fixed: Mapping[str, str]) -> None:
        self.rules = rules
        self.chance = chance
        self.fixed = fixed
        self._decks: dict[str, list[Template]] = {}

    def over(self, rules: Rules, fixed: Mapping[str, str]) -> "Voice":
        """The same voice with other rules and fixed words laid over its own."""
        return Voice(
            ChainMap(dict(rules), dict(self.rules)), self.chance, ChainMap(dict(fixed), dict(self.fixed))
        )

    def say(self, rule: str) -> str:
        """A text for the rule. Raises GrammarError where no file has it."""
        if (known := self.fixed.get(rule)) is not None:
            return known
        if not (deck := self._decks.get(rule)):
            deck = self._decks[rule] = self._fresh_deck(rule)
        return self.fill(self.chance.draw(deck))

    def _fresh_deck(self, rule: str) -> list[Template]:
        if not (templates := self.rules.get(rule)):
            raise GrammarError(f"No grammar file has the rule {rule!r}: add it, or correct the template.")
        return list(templates)

    def fill(self, template: Template) -> str:
        """The template with its slots filled."""
        return "".join(part if isinstance(part, str) else self._part(part) for part in template)

    def _part(self, part: Slot | Span | Choice) -> str:
        if isinstance(part, Slot):
            text = self.say(part.rule)
            return text[:1].upper() + text[1:] if part.capital else text
        if isinstance(part, Span):
            return str(self.chance.between(part.low, part.high))
        return self.fill(self.chance.pick(part.options))


LANGUAGE_WEIGHTS: dict[str, dict[str, int]] = {
    "web": {"en": 55, "de": 25, "zh": 20},
    "math": {"en": 76, "de": 13, "zh": 11},
}
"""Languages of the sites, by domain. A new domain of the sample needs its row here."""

SITES_PER_SET = 400
HABITS = (
    *("separator", "bullet", "crumb", "byline", "stamp", "counter", "related", "more", "talk_head"),
    *("talk_form", "tags", "bio", "pager", "heading_mark", "post_sig"),
)
"""Rules of which a site uses one template only; of all others it uses what comes."""


@dataclass(frozen=True, slots=True)
class Site:
    """One site. `head` and `foot` are the lines around its pages; rates are probabilities a place."""

    name: str
    host: str
    language: str
    topics: tuple[str, ...]
    habits: Rules
    fixed: Mapping[str, str]
    head: tuple[str, ...]
    foot: tuple[str, ...]
    gap_rate: float
    inline_rate: float
    marks_headings: bool


def build_site(domain: str, templates: str, seed: int, index: int) -> Site:
    """The site of that number; a pure function of its arguments."""
    chance = Chance("site", domain, templates, seed, index)
    language = chance.weighted(LANGUAGE_WEIGHTS[domain])
    grammar = load_grammar(domain, language, templates)
    topics = tuple(chance.some(sorted(grammar.topics), chance.between(1, 3)))
    habits = {rule: (chance.pick(grammar.rules[rule]),) for rule in HABITS}
    bare = Voice(grammar.rules, chance, {}).over({**grammar.topics[topics[0]], **habits}, {})
    host = bare.say("host")
    fixed = {"@site": bare.say("site_name"), "@host": host, "@home_label": bare.say("home"), "@title": ""}
    voice = bare.over({}, fixed)
    return Site(
        name=fixed["@site"],
        host=host,
        language=language,
        topics=topics,
        habits=habits,
        fixed=fixed,
        head=tuple(_head(voice)),
        foot=tuple(_foot(voice)),
        gap_rate=chance.pick((0.05, 0.15, 0.25, 0.4)),
        inline_rate=chance.pick((0.0, 0.02, 0.06, 0.14)),
        marks_headings=chance.happens(0.25),
    )


def several(voice: Voice, rule: str, low: int, high: int) -> list[str]:
    """Between `low` and `high` texts of a rule, each different from the others."""
    count = voice.chance.between(low, high)
    return list(dict.fromkeys(voice.say(rule) for _ in range(count)))


def _head(voice: Voice) -> list[str]:
    chance = voice.chance
    blocks = [several(voice, "access", 0, 2), _menu(voice, 3, 8)]
    if chance.happens(0.5):
        blocks.append([voice.say("cookie"), *several(voice, "consent", 0, 3)])
    if chance.happens(0.3):
        blocks.append([voice.fixed["@site"]])
    return [line for block in chance.some(blocks, len(blocks)) for line in block]


def _foot(voice: Voice) -> list[str]:
    chance = voice.chance
    blocks = [several(voice, "foot", 1, 3)]
    for rule, probability in {
        "legal": 0.4,
        "pitch": 0.25,
        "cookie": 0.2,
        "consent": 0.1,
        "share": 0.2,
    }.items():
        if chance.happens(probability):
            blocks.append([voice.say(rule)])
    if chance.happens(0.3):
        blocks.append(_menu(voice, 3, 6))
    return [line for block in chance.some(blocks, len(blocks)) for line in block]


def _menu(voice: Voice, low: int, high: int) -> list[str]:
    chance = voice.chance
    labels = several(voice, "menu", low, high)
    case = chance.weighted({"as written": 6, "upper": 2, "lower": 1})
    labels = [{"upper": label.upper(), "lower": label.lower()}.get(case, label) for label in labels]
    style = chance.weighted({"lines": 4, "row": 5, "bullets": 2, "spaces": 1})
    if style == "row":
        return [f" {voice.say('separator')} ".join(labels)]
    if style == "spaces":
        return [" ".join(labels)]
    bullet = voice.say("bullet")
    return [f"{bullet} {label}" for label in labels] if style == "bullets" else labels
