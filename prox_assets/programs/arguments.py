"""Reading what stands in a call's brackets: literals, by position or by keyword."""

import re
from typing import NamedTuple

from prox_assets.programs.codes import Refused
from prox_assets.programs.literals import read_literal
from prox_assets.programs.program import Value

_GAP = r"(?:\s++|#[^\n]*+)*+"
_USUAL = re.compile(
    r"\s*+(?:([A-Za-z_]\w*+)\s*+=\s*+)?+(?:\"([^\"\\\n]*+)\"|'([^'\\\n]*+)'|([0-9]{1,18}+))\s*+([,)])"
)
_KEYWORD = re.compile(rf"{_GAP}(?:([A-Za-z_]\w*+)\s*+=(?!=){_GAP})?+")
_CLOSE = re.compile(rf"{_GAP}\)")
_NEXT = re.compile(rf"{_GAP}([,)])")
_REST = re.compile(rf"{_GAP}\Z")
_WORD_AT_END = re.compile(r"\w*+\s*+\Z")

Given = list[tuple[str | None, Value]]


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
    given: Given = []
    last = False
    while not last:
        usual = _USUAL.match(text, at)
        if usual:
            keyword, double, single, number, mark = usual.groups()
            value = int(number) if number else single if double is None else double
            given.append((keyword, value))
            at, last = usual.end(), mark == ")"
            continue
        close = _CLOSE.match(text, at)
        if close:
            return Read(given, close.end())
        unusual = _unusual(text, at, given)
        if isinstance(unusual, Read):
            return unusual
        given.append((unusual.keyword, unusual.value))
        at, last = unusual.stop, unusual.last
    return Read(given, at)


def _unusual(text: str, at: int, given: Given) -> _Argument | Read:
    """Read one argument that the quick pattern does not know: escapes, triple quotes, comments, signs."""
    keyword = _KEYWORD.match(text, at)
    begin = keyword.end() if keyword else at
    literal = read_literal(text, begin)
    value, stop = literal
    if value is Refused.NOT_LITERAL:
        if _WORD_AT_END.match(text, begin):
            return Read(given, len(text), Refused.CUT_OFF)
        return Read(given, at - 1, value, depth=0 if text[at - 1] == "(" else 1)
    if isinstance(value, Refused):
        return Read(given, stop, value)
    mark = _NEXT.match(text, stop)
    if mark:
        return _Argument(keyword[1] if keyword else None, value, mark.end(), mark[1] == ")")
    ended = _REST.match(text, stop)
    return Read(given, stop, Refused.CUT_OFF if ended else Refused.NOT_LITERAL)
