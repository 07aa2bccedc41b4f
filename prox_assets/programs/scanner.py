"""Finding what may be a call in a text as models write it, with prose, comments and code fences."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from prox_assets.programs.registry import Registry

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
