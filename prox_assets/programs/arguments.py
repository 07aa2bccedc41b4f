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
