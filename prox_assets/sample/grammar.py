"""Templates with slots: what they are made of, and how their text is read.

`<rule>` is a slot, `<rule^>` the same with a capital, `<a|b|>` a choice written in place, `<#3-40>` a whole
number of that range. Everything else stands for itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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
