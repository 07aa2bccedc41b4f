"""Reading one Python literal (string, integer, True, False) at a place in a text; nothing is evaluated."""

import re
import unicodedata
from typing import NamedTuple

from prox_assets.programs.codes import Refused
from prox_assets.programs.program import Value

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
