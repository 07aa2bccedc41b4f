"""Turning rules into text: one source of chance, one set of rules, some fixed words."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

from prox_assets.sample.grammar import Choice, GrammarError, Rules, Slot, Span, Template

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
