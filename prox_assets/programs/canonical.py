"""A quick way through canonical text: calls written exactly as `render` writes them, one a line.

That is what constrained decoding and the scoring refiner write, so nearly every program of a corpus. The
parser's general way reads the same calls from it (a test says so), several times slower.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from prox_assets.programs.binding import refused_value
from prox_assets.programs.program import Arguments, Call, Stage
from prox_assets.programs.registry import Form, Kind, Parameter, Registry

_WRITTEN = {
    Kind.LINE: "([0-9]{1,18}+)",
    Kind.NUMBER: "([0-9]{1,18}+)",
    Kind.TEXT: r'"([^"\\\n]*+)"',
    Kind.FLAG: "True",
}
_Convert = Callable[[re.Match[str]], Arguments | None]


class _Entry(NamedTuple):
    name: str
    form: int
    convert: _Convert


class _Reader(NamedTuple):
    match: Callable[[str, int], re.Match[str] | None]
    entries: dict[str | None, _Entry]


def read_canonical(text: str, stage: Stage, registry: Registry) -> tuple[list[Call], int]:
    """Read the canonical calls that a text begins with, and say where the first line that is none begins."""
    match, entries = _reader(stage, registry)
    calls: list[Call] = []
    at = 1 if text.startswith(" ") else 0
    while found := match(text, at):
        name, form, convert = entries[found.lastgroup]
        arguments = convert(found)
        if arguments is None:
            break
        calls.append(Call(name, arguments, form))
        at = found.end()
    return calls, at if calls else 0


@lru_cache(maxsize=32)
def _reader(stage: Stage, registry: Registry) -> _Reader:
    patterns: list[str] = []
    entries: dict[str | None, _Entry] = {}
    groups = 1
    for spec in registry.active(stage):
        for number, form in enumerate(spec.forms):
            key = f"{spec.name}_{number}"
            patterns.append(rf"(?P<{key}>{spec.name}\({_arguments(form)}\))")
            entries[key] = _Entry(spec.name, number, _converter(form, groups + 1))
            groups += 1 + sum(p.kind is not Kind.FLAG for p in form.parameters)
    pattern = re.compile(rf"(?:{'|'.join(patterns) or '(?!)'})(?:\n|\Z)")
    return _Reader(pattern.match, entries)


def _arguments(form: Form) -> str:
    return ", ".join(f"{p.name}={_WRITTEN[p.kind]}" for p in form.parameters)


def _converter(form: Form, first: int) -> _Convert:
    """Make the function that takes a form's arguments out of a match; None for values over their limits."""
    parameters = form.parameters
    flags = [p.kind is Kind.FLAG for p in parameters]
    if all(flags):
        return lambda _: (True,) * len(parameters)
    if any(flags) or len(parameters) < 2:
        return _general(parameters, first)
    places = range(first, first + len(parameters))
    if all(p.kind is not Kind.TEXT for p in parameters):
        return lambda match: tuple(map(int, match.group(*places)))
    return _general(parameters, first)


def _general(parameters: tuple[Parameter, ...], first: int) -> _Convert:
    def convert(match: re.Match[str]) -> Arguments | None:
        values: list[int | str | bool] = []
        place = first
        for parameter in parameters:
            if parameter.kind is Kind.FLAG:
                values.append(True)
                continue
            written = match[place]
            value = written if parameter.kind is Kind.TEXT else int(written)
            if parameter.kind is Kind.TEXT and refused_value(parameter, value):
                return None
            values.append(value)
            place += 1
        return tuple(values)

    return convert
