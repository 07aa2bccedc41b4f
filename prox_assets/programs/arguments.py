"""Read the arguments of a call: literals, fitted to its parameters. Nothing is evaluated."""

import re
import unicodedata
from typing import NamedTuple

from prox_assets.programs.program import Arguments, Call, Refused, Value
from prox_assets.programs.registry import CallSpec, Form, Parameter, ParameterKind

_MAX_DIGITS = 18
_NUMBER = re.compile(r"[+-]?\d++(?![\w.])", re.ASCII)
_FLAG = re.compile(r"(True|False|true|false)(?!\w)")
_OPENING = re.compile(r"([rRuU]?)(\"\"\"|'''|\"|')")
_BETWEEN = re.compile(r"[ \t\r\n]*+")
_BODY = {
    '"': re.compile(r'[^"\\\n]*+(?:\\(?s:.)[^"\\\n]*+)*+"'),
    "'": re.compile(r"[^'\\\n]*+(?:\\(?s:.)[^'\\\n]*+)*+'"),
    '"""': re.compile(r'[^"\\]*+(?:(?:\\(?s:.)|"(?!""))[^"\\]*+)*+"""'),
    "'''": re.compile(r"[^'\\]*+(?:(?:\\(?s:.)|'(?!''))[^'\\]*+)*+'''"),
}
_ESCAPE = re.compile(
    r"\\(?:\r?\n|([0-7]{1,3})|x([0-9a-fA-F]{2})"
    r"|u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^}\n]{1,90})\}|(?s:(.)))"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SIMPLE = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}


class Literal(NamedTuple):
    """A value and the place after it; or a refusal and the place from which reading can go on."""

    value: Value | Refused
    stop: int


def read_literal(text: str, at: int) -> Literal:
    """Read the literal that begins at `at`; adjacent strings are one, as in Python."""
    opening = _OPENING.match(text, at)
    if opening:
        return _read_strings(text, opening)
    if number := _NUMBER.match(text, at):
        digits = number.group()
        value = int(digits) if len(digits) <= _MAX_DIGITS else Refused.OUT_OF_BOUNDS
        return Literal(value, number.end())
    if flag := _FLAG.match(text, at):
        return Literal(flag.group() in ("True", "true"), flag.end())
    if at >= len(text):
        return Literal(Refused.CUT_OFF, at)
    return Literal(Refused.NOT_LITERAL, at)


def encodes(text: str) -> bool:
    """Say whether UTF-8 can hold a text: it has no lone surrogates."""
    return text.isascii() or _SURROGATE.search(text) is None


def _read_strings(text: str, opening: re.Match[str]) -> Literal:
    parts: list[str] = []
    following: re.Match[str] | None = opening
    stop = opening.start()
    while following:
        part = _read_string(text, following)
        if isinstance(part.value, Refused):
            return part
        parts.append(str(part.value))
        stop = part.stop
        following = _OPENING.match(text, _end(_BETWEEN, text, stop))
    return Literal("".join(parts), stop)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _read_string(text: str, opening: re.Match[str]) -> Literal:
    prefix, quote = opening.groups()
    body = _BODY[quote].match(text, opening.end())
    if body is None:
        return _unclosed(text, opening.end(), quote)
    raw = text[opening.end() : body.end() - len(quote)]
    value = raw if prefix in ("r", "R") or "\\" not in raw else _unescaped(raw)
    return Literal(value, body.end())


def _unclosed(text: str, at: int, quote: str) -> Literal:
    """A string that never closes is cut off where the text ends, and wrong where only its line ends."""
    newline = text.find("\n", at) if len(quote) == 1 else -1
    if newline < 0 or not text[newline:].strip():
        return Literal(Refused.CUT_OFF, len(text))
    return Literal(Refused.BAD_STRING, newline)


def _unescaped(raw: str) -> str | Refused:
    try:
        return _ESCAPE.sub(_character, raw)
    except (ValueError, OverflowError):
        return Refused.BAD_STRING


def _character(match: re.Match[str]) -> str:
    """Decode one escape; ValueError for one that Python would refuse.

    A surrogate pair is one character, as in JSON; binding refuses strings that are left with a lone one.
    """
    octal, two, high, low, four, eight, name, other = match.groups()
    if high is not None:
        return bytes.fromhex(high + low).decode("utf-16-be")
    if other is not None:
        if other in "xuUN":
            raise ValueError(other)
        return _SIMPLE.get(other, match.group())
    if octal is not None:
        return chr(int(octal, 8))
    if name is not None:
        try:
            return unicodedata.lookup(name)
        except KeyError as unknown:
            raise ValueError(name) from unknown
    hexadecimal = two or four or eight
    return chr(int(hexadecimal, 16)) if hexadecimal else ""


_GAP = r"(?:\s++|#[^\n]*+)*+"
_USUAL = re.compile(
    r"\s*+(?:([A-Za-z_]\w*+)\s*+=\s*+)?+(?:\"([^\"\\\n]*+)\"|'([^'\\\n]*+)'|([0-9]{1,18}+))\s*+([,)])"
)
_TWO = re.compile(
    r"\s*+(?:([A-Za-z_]\w*+)\s*+=\s*+)?+(?:\"([^\"\\\n]*+)\"|([0-9]{1,18}+))\s*+,"
    r"\s*+(?:([A-Za-z_]\w*+)\s*+=\s*+)?+(?:\"([^\"\\\n]*+)\"|([0-9]{1,18}+))\s*+\)"
)
_KEYWORD = re.compile(rf"{_GAP}(?:([A-Za-z_]\w*+)\s*+=(?!=){_GAP})?+")
_CLOSE = re.compile(rf"{_GAP}\)")
_NEXT = re.compile(rf"{_GAP}([,)])")
_REST = re.compile(rf"{_GAP}\Z")
_WORD_AT_END = re.compile(r"\w*+\s*+\Z")


class Given(NamedTuple):
    """Arguments as they were written: the keyword of each, None for one given by position, and its value."""

    keywords: list[str | None]
    values: list[Value]


class Read(NamedTuple):
    """The arguments of one call, and the place after it; or why they cannot be read.

    Where they cannot, `stop` is the place from which to look for the call's end, `depth` brackets deep.
    """

    given: Given
    stop: int
    refused: Refused | None = None
    depth: int = 1


class _Argument(NamedTuple):
    keyword: str | None
    value: Value
    stop: int
    last: bool


def read_arguments(text: str, at: int) -> Read:
    """Read arguments from just after the opening bracket to the closing one."""
    two = _TWO.match(text, at)
    if two:
        name, string, number, other_name, other_string, other_number = two.groups()
        one = int(number) if string is None else string
        other = int(other_number) if other_string is None else other_string
        return Read(Given([name, other_name], [one, other]), two.end())
    keywords: list[str | None] = []
    values: list[Value] = []
    last = False
    while not last:
        usual = _USUAL.match(text, at)
        if usual:
            keyword, double, single, number, mark = usual.groups()
            keywords.append(keyword)
            values.append(int(number) if number else single if double is None else double)
            at, last = usual.end(), mark == ")"
            continue
        close = _CLOSE.match(text, at)
        if close:
            return Read(Given(keywords, values), close.end())
        unusual = _unusual(text, at)
        if isinstance(unusual, Read):
            return unusual
        keywords.append(unusual.keyword)
        values.append(unusual.value)
        at, last = unusual.stop, unusual.last
    return Read(Given(keywords, values), at)


def _unusual(text: str, at: int) -> _Argument | Read:
    """Read one argument that the quick pattern does not know: escapes, triple quotes, comments, signs."""
    keyword = _KEYWORD.match(text, at)
    begin = keyword.end() if keyword else at
    value, stop = read_literal(text, begin)
    if value is Refused.NOT_LITERAL:
        if _WORD_AT_END.match(text, begin):
            return _refused(len(text), Refused.CUT_OFF)
        return _refused(at - 1, value, depth=0 if text[at - 1] == "(" else 1)
    if isinstance(value, Refused):
        return _refused(stop, value)
    mark = _NEXT.match(text, stop)
    if mark:
        return _Argument(keyword[1] if keyword else None, value, mark.end(), mark[1] == ")")
    return _refused(stop, Refused.CUT_OFF if _REST.match(text, stop) else Refused.NOT_LITERAL)


def _refused(stop: int, code: Refused, depth: int = 1) -> Read:
    return Read(Given([], []), stop, code, depth)


class Problem(NamedTuple):
    """Why no form of a call fits."""

    code: Refused
    detail: str


def bind(spec: CallSpec, given: Given) -> Call | Problem:
    """Make the call in the first form that takes these arguments, or give the first form's problem."""
    problem: Problem | None = None
    for number, form in enumerate(spec.forms):
        bound = _bind_form(form, given)
        if not isinstance(bound, Problem):
            return Call(spec.name, bound, number)
        problem = problem or bound
    if any(value is False for value in given.values):
        return bind(spec, _without_unset_flags(given))
    return problem or Problem(Refused.UNSUPPORTED, f"{spec.name} has no form")


def _without_unset_flags(given: Given) -> Given:
    kept = [(k, v) for k, v in zip(*given, strict=True) if v is not False]
    return Given([k for k, _ in kept], [v for _, v in kept])


def _bind_form(form: Form, given: Given) -> Arguments | Problem:
    values = given.values
    if given.keywords != form.keywords:
        ordered = _ordered(form, given)
        if isinstance(ordered, Problem):
            return ordered
        values = ordered
    for parameter, value in zip(form.parameters, values, strict=True):
        code = refused_value(parameter, value)
        if code is not None:
            return Problem(code, parameter.name)
    return tuple(values)


def _ordered(form: Form, given: Given) -> list[Value] | Problem:
    """Put the values in the order of the form's parameters, the defaults filled in."""
    parameters = form.parameters
    if len(given.values) > len(parameters):
        return Problem(Refused.TOO_MANY_ARGUMENTS, f"takes {len(parameters)}, has {len(given.values)}")
    values: list[Value | None] = [p.default for p in parameters]
    filled = set()
    for position, (name, value) in enumerate(zip(*given, strict=True)):
        place = position if name is None else form.places.get(name)
        if place is None:
            return Problem(Refused.UNKNOWN_ARGUMENT, str(name))
        if place in filled:
            return Problem(Refused.REPEATED_ARGUMENT, parameters[place].name)
        filled.add(place)
        values[place] = value
    if None in values:
        return Problem(Refused.MISSING_ARGUMENT, parameters[values.index(None)].name)
    return [value for value in values if value is not None]


def refused_value(parameter: Parameter, value: Value) -> Refused | None:
    """Hold one value against its parameter's type and limits."""
    kind = parameter.kind
    if kind is ParameterKind.TEXT:
        if not isinstance(value, str):
            return Refused.WRONG_TYPE
        if not encodes(value):
            return Refused.BAD_STRING
        if parameter.max_length is not None and len(value) > parameter.max_length:
            return Refused.TOO_LONG
        return Refused.BLANK_STRING if parameter.visible and (not value or value.isspace()) else None
    if kind is ParameterKind.FLAG:
        return None if value is True else Refused.WRONG_TYPE
    if type(value) is not int:
        return Refused.WRONG_TYPE
    return Refused.OUT_OF_BOUNDS if value < 0 else None
