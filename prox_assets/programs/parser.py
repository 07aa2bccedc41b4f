"""Parse a program's text into calls: found in what a model wrote, read once, never evaluated.

Canonical text, written exactly as `render` writes it, takes a fast path: constrained decoding and the scoring
refiner write nothing else, so it is nearly every program of a corpus. The general parser reads the same calls
from it (a test says so), several times slower.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from prox_assets.programs.arguments import Given, Problem, bind, read_arguments, refused_value
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Arguments, Call, Program, Refusal, Refused, Stage
from prox_assets.programs.registry import Form, Named, Parameter, ParameterKind, Registry

_STRINGS = (
    r'"""[^"\\]*+(?:(?:\\(?s:.)|"(?!""))[^"\\]*+)*+"""'
    r"|'''[^'\\]*+(?:(?:\\(?s:.)|'(?!''))[^'\\]*+)*+'''"
    r'|"[^"\\\n]*+(?:\\(?s:.)[^"\\\n]*+)*+"'
    r"|'[^'\\\n]*+(?:\\(?s:.)[^'\\\n]*+)*+'"
)


# ReScraper's edits: `rm 3-7`, `sub 4: "a"`, `<keep>`.
_OTHER_FORM = r"(?:rm|sub)[ \t]++\d++(?=[ \t]*+(?:[-,:;\r\n]|$))|<(?:keep|drop|edit)>"


class Found(NamedTuple):
    """A possible call: where its name begins, the place after its bracket, whether a fence encloses it.

    The place is -1 for an edit in the form of another system, which has no bracket.
    """

    name: str
    start: int
    inside: int
    fenced: bool
    spaced: bool


class _Patterns(NamedTuple):
    calls: re.Pattern[str]
    after_bad: re.Pattern[str]


@lru_cache(maxsize=32)
def _patterns(registry: Registry) -> _Patterns:
    known = "|".join(sorted(map(re.escape, registry.names), key=len, reverse=True))
    calls = (
        r"(?P<fence>^[ \t]*+(?:```|~~~)[ \t]*+[\w+.-]*+[ \t\r]*+$)|(?P<comment>#[^\n]*+)"
        rf"|(?:^|(?<=;))[ \t]*+(?P<form>{_OTHER_FORM})"
        r"|(?:^|(?<=;))[ \t]*+(?P<first>[A-Za-z_]\w*+)(?P<space>[ \t]*+)\("
        rf"|(?<![\w.\"'])(?P<known>{known})[ \t]*+\("
    )
    after_bad = (
        rf"{_STRINGS}|(?P<next>^[ \t]*+(?:{known})[ \t]*+\()|#[^\n]*+|[(,](?:[ \t\r]*+\n)*+|\)|(?P<end>\n)"
    )
    return _Patterns(re.compile(calls, re.MULTILINE), re.compile(after_bad, re.MULTILINE))


class Scanner:
    """Goes through a text once, from one possible call to the next; the parser sets `at` after each."""

    __slots__ = ("_patterns", "_text", "at")

    def __init__(self, text: str, registry: Registry, at: int = 0) -> None:
        self._text, self._patterns, self.at = text, _patterns(registry), at

    def __iter__(self) -> Iterator[Found]:
        fenced, text, search = False, self._text, self._patterns.calls.search
        while match := search(text, self.at):
            self.at = match.end()
            kind = match.lastgroup
            if kind == "known":
                yield Found(match["known"], match.start("known"), self.at, fenced, False)
            elif kind == "space":
                yield Found(match["first"], match.start("first"), self.at, fenced, bool(match["space"]))
            elif kind == "form":
                yield Found(match["form"].split()[0], match.start("form"), -1, fenced, False)
            elif kind == "fence":
                fenced = not fenced

    def after_bad(self, at: int, depth: int) -> int:
        """Find where a call that went wrong at `at`, `depth` brackets deep, ends.

        That is its closing bracket, or a line's end that is not inside its list of arguments, or the next
        line that begins with a call, or the text's end: whichever comes first.
        """
        for token in self._patterns.after_bad.finditer(self._text, at):
            if token.lastgroup:
                return token.start()
            mark = token.group()[0]
            depth += (mark == "(") - (mark == ")")
            if depth <= 0:
                return token.end()
        return len(self._text)


_WRITTEN = {
    ParameterKind.LINE: "([0-9]{1,18}+)",
    ParameterKind.NUMBER: "([0-9]{1,18}+)",
    ParameterKind.TEXT: r'"([^"\\\n]*+)"',
    ParameterKind.FLAG: "True",
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
            groups += 1 + sum(p.kind is not ParameterKind.FLAG for p in form.parameters)
    pattern = re.compile(rf"(?:{'|'.join(patterns) or '(?!)'})(?:\n|\Z)")
    return _Reader(pattern.match, entries)


def _arguments(form: Form) -> str:
    return ", ".join(f"{p.name}={_WRITTEN[p.kind]}" for p in form.parameters)


def _converter(form: Form, first: int) -> _Convert:
    """Make the function that takes a form's arguments out of a match; None for values over their limits."""
    parameters = form.parameters
    flags = [p.kind is ParameterKind.FLAG for p in parameters]
    if all(flags):
        return lambda _: (True,) * len(parameters)
    if any(flags) or len(parameters) < 2:
        return _general(parameters, first)
    places = range(first, first + len(parameters))
    if all(p.kind is not ParameterKind.TEXT for p in parameters):
        return lambda match: tuple(map(int, match.group(*places)))
    return _general(parameters, first)


def _general(parameters: tuple[Parameter, ...], first: int) -> _Convert:
    def convert(match: re.Match[str]) -> Arguments | None:
        values: list[int | str | bool] = []
        place = first
        for parameter in parameters:
            if parameter.kind is ParameterKind.FLAG:
                values.append(True)
                continue
            written = match[place]
            value = written if parameter.kind is ParameterKind.TEXT else int(written)
            if parameter.kind is ParameterKind.TEXT and refused_value(parameter, value):
                return None
            values.append(value)
            place += 1
        return tuple(values)

    return convert


def parse(text: str, stage: Stage, registry: Registry = REGISTRY, first_line: int = 0) -> Program:
    """Read a program of a stage.

    Where code fences enclose calls, only those are the program. Calls in comments are comments. Every call
    that is not believed is a Refusal with its code and position; the others stand. So is a line in the form
    of another system's edits, and a text without anything that reads as a call. Never raises; time and memory
    are linear in the text.

    `first_line` is the number of the first line in the text; in the calls lines count from 0.
    """
    read, at = ([], 0) if first_line else read_canonical(text, stage, registry)
    if at == len(text):
        return Program(tuple(read))
    scanner = Scanner(text, registry, at)
    plain: tuple[list[Call], list[Refusal]] = read, []
    fenced: tuple[list[Call], list[Refusal]] = [], []
    for found in scanner:
        item = _read(text, found, scanner, stage, registry)
        if first_line and isinstance(item, Call):
            item = _from_zero(item, found, first_line, registry)
        calls, refusals = fenced if found.fenced else plain
        if isinstance(item, Call):
            calls.append(item)
        elif item is not None:
            refusals.append(item)
    calls, refusals = fenced if fenced[0] or fenced[1] else plain
    if not (calls or refusals) and text.strip():
        refusals = [Refusal("none", Refused.UNKNOWN_FORM, len(text) - len(text.lstrip()))]
    return Program(tuple(calls), tuple(refusals))


def _read(
    text: str, found: Found, scanner: Scanner, stage: Stage, registry: Registry
) -> Call | Refusal | None:
    """Read one possible call; None for prose that only looks like one."""
    name, start, inside, _, spaced = found
    if inside < 0:
        return Refusal(name, Refused.UNKNOWN_FORM, start)
    given, stop, refused, depth = read_arguments(text, inside)
    scanner.at = stop if refused is None else scanner.after_bad(stop, depth)
    named = registry.names.get(name)
    if named is None:
        is_call = refused is None and not spaced
        return Refusal(name, Refused.UNKNOWN_CALL, start) if is_call else None
    if refused is not None:
        return Refusal(name, refused, start)
    spec = registry.usable[stage].get(name)
    item = bind(spec, given) if spec else _not_here(named, stage) or bind(named.spec, _implied(named, given))
    return Refusal(name, item.code, start, item.detail) if isinstance(item, Problem) else item


def _from_zero(call: Call, found: Found, first_line: int, registry: Registry) -> Call | Refusal:
    """Count a call's lines from 0; a number before the first line is refused."""
    parameters = registry.spec(call.name).forms[call.form].parameters
    values = [
        value - first_line if parameter.kind is ParameterKind.LINE and isinstance(value, int) else value
        for parameter, value in zip(parameters, call.arguments, strict=True)
    ]
    below = next((p.name for p, v in zip(parameters, values, strict=True) if type(v) is int and v < 0), None)
    if below is not None:
        return Refusal(found.name, Refused.OUT_OF_BOUNDS, found.start, below)
    return call._replace(arguments=tuple(values))


def _implied(named: Named, given: Given) -> Given:
    """Add the arguments that an alias implies."""
    return Given([*(k for k, _ in named.given), *given[0]], [*(v for _, v in named.given), *given[1]])


def _not_here(named: Named, stage: Stage) -> Problem | None:
    spec = named.spec
    if spec.unsupported:
        return Problem(Refused.UNSUPPORTED, spec.unsupported)
    if spec.stage is not stage:
        return Problem(Refused.WRONG_STAGE, f"{spec.name} is a call for a {spec.stage}")
    if not spec.enabled:
        return Problem(Refused.DISABLED, f"{spec.name} is off; enable it in the registry")
    return None
