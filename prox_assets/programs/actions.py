"""How each call acts on a chunk: the lines and matches it may see, and the edits it makes."""

import re
from functools import lru_cache
from typing import NamedTuple, Protocol

from prox_assets.programs.program import Arguments, Outcome
from prox_assets.programs.rails import Boundary, PastEnd, Rails

# Letters of scripts that put no space between words (Thai, Lao, Myanmar, Khmer, Tibetan, kana, Han, Yi, ...):
# next to one of these every position is a word boundary.
_UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u312f\u31a0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f"
    r"\U00020000-\U0003ffff"
)
# Marks that belong to the letter before them: accents, Hebrew and Arabic points, Indic vowel signs.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
    r"\u1ab0-\u1aff\u1dc0-\u1dff"
)
_LETTER = rf"(?:[^\W{_UNSPACED}]|[{_MARKS}])"
_is_letter = re.compile(_LETTER).match
_FAILED_PROBES = 64


class ChunkWindow(Protocol):
    """What the language needs to know of a chunk (`prox_assets.chunking.Chunk` is one).

    Lines and characters are the document's, stops exclusive; `context_lines` before `line_start` were shown
    with the chunk but are not its own.
    """

    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def line_start(self) -> int: ...  # noqa: D102
    @property
    def line_stop(self) -> int: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def stop(self) -> int: ...  # noqa: D102
    @property
    def context_lines(self) -> int: ...  # noqa: D102


class Lines(NamedTuple):
    """An act's answer: delete these lines, both included, numbered in the document."""

    first: int
    last: int


class Replacement(NamedTuple):
    """An act's answer: put `text` in the place of [start, stop) of the document."""

    start: int
    stop: int
    text: str


class Scope:
    """One chunk of a document under given rails; line positions are found when first asked for."""

    __slots__ = ("_ahead", "_behind", "chunk", "rails", "text")

    def __init__(self, text: str, chunk: ChunkWindow, rails: Rails) -> None:
        self.text, self.chunk, self.rails = text, chunk, rails
        self._ahead, self._behind = [chunk.start], [chunk.stop]

    def owned(self, first: int, last: int) -> Lines | Outcome:
        """Cut a range to the lines this chunk owns.

        One that leaves the shown lines is refused, or clipped at the chunk's end where the rails say so.
        """
        chunk = self.chunk
        if first > last:
            return Outcome.REVERSED
        if self.rails.past_end is PastEnd.CLIP and first < chunk.line_stop:
            last = min(last, chunk.line_stop - 1)
        if last >= chunk.line_stop or first < chunk.line_start - chunk.context_lines:
            return Outcome.OUT_OF_RANGE
        if last < chunk.line_start:
            return Outcome.NOT_OWNED
        return Lines(first if first > chunk.line_start else chunk.line_start, last)

    def line_start(self, line: int) -> int:
        """Where an owned line begins; for `line_stop`, where the chunk ends."""
        ahead, behind = self._ahead, self._behind
        place, back = line - self.chunk.line_start, self.chunk.line_stop - line
        if place < len(ahead):
            return ahead[place]
        if back < len(behind):
            return behind[back]
        return self._seek_ahead(place) if place <= back else self._seek_behind(back)

    def _seek_ahead(self, place: int) -> int:
        """Go on from the last line known from the chunk's beginning."""
        ahead, find, stop = self._ahead, self.text.find, self.chunk.stop
        at = ahead[-1]
        for _ in range(place + 1 - len(ahead)):
            at = find("\n", at, stop) + 1 or stop
            ahead.append(at)
        return at

    def _seek_behind(self, back: int) -> int:
        """Go on from the last line known from the chunk's end; its last line ends there, newline or not."""
        behind, rfind, start = self._behind, self.text.rfind, self.chunk.start
        at = behind[-1]
        end = at if len(behind) == 1 and self.chunk.stop == len(self.text) else at - 1
        for _ in range(back + 1 - len(behind)):
            at = rfind("\n", start, end) + 1 or start
            end = at - 1
            behind.append(at)
        return at

    def matches(self, source: str, start: int, stop: int) -> list[int] | Outcome:
        """Starts of all matches of `source` in [start, stop), left to right, none over another."""
        if self.rails.boundary is Boundary.ANYWHERE:
            return self._found(source, start, stop)
        return self._found_as_word(source, start, stop)

    def _found(self, source: str, start: int, stop: int) -> list[int] | Outcome:
        found: list[int] = []
        at = self.text.find(source, start, stop)
        while at >= 0:
            found.append(at)
            if len(found) > self.rails.max_matches:
                return Outcome.AMBIGUOUS
            at = self.text.find(source, at + len(source), stop)
        return found or Outcome.NO_MATCH

    def _found_as_word(self, source: str, start: int, stop: int) -> list[int] | Outcome:
        text = self.text
        head, tail = in_word(source[0]), in_word(source[-1])
        if not (head or tail):
            return self._found(source, start, stop)
        found: list[int] = []
        failed, size, end = 0, len(source), len(text)
        at = text.find(source, start, stop)
        while at >= 0:
            after = at + size
            if (head and at and in_word(text[at - 1])) or (tail and after < end and in_word(text[after])):
                failed += 1
                if failed > _FAILED_PROBES:
                    return self._found_by_pattern(source, start, stop)
                at = text.find(source, at + 1, stop)
                continue
            found.append(at)
            if len(found) > self.rails.max_matches:
                return Outcome.AMBIGUOUS
            at = text.find(source, after, stop)
        return found or (Outcome.INSIDE_WORD if failed else Outcome.NO_MATCH)

    def _found_by_pattern(self, source: str, start: int, stop: int) -> list[int] | Outcome:
        """The same answer by a compiled pattern: for texts full of matches inside words."""
        found: list[int] = []
        for match in _word_pattern(source).finditer(self.text, start, stop + 1):
            if match.end() <= stop:
                found.append(match.start())
            if len(found) > self.rails.max_matches:
                return Outcome.AMBIGUOUS
        return found or Outcome.INSIDE_WORD


def in_word(character: str) -> bool:
    """Say whether a character makes words of a script that puts spaces between them."""
    if character < "\u0300":
        return character.isalnum() or character == "_"
    return _is_letter(character) is not None


@lru_cache(maxsize=64)
def _word_pattern(source: str) -> re.Pattern[str]:
    before = f"(?<!{_LETTER})" if in_word(source[0]) else ""
    after = f"(?!{_LETTER})" if in_word(source[-1]) else ""
    return re.compile(before + re.escape(source) + after)


Effect = Lines | list[Replacement] | Outcome


def keep(_scope: Scope, _arguments: Arguments) -> Effect:
    """Leave everything as it is."""
    return Outcome.KEPT


def drop(_scope: Scope, _arguments: Arguments) -> Effect:
    """Give the document up."""
    return Outcome.DROPPED


def remove_lines(scope: Scope, arguments: Arguments) -> Effect:
    """Delete a range of lines, both ends included."""
    first, last = arguments
    return scope.owned(int(first), int(last))


def remove_all_lines(scope: Scope, _arguments: Arguments) -> Effect:
    """Delete every line the chunk owns."""
    return Lines(scope.chunk.line_start, scope.chunk.line_stop - 1)


def normalize(scope: Scope, arguments: Arguments) -> Effect:
    """Replace every match of a string in the chunk."""
    source, target = str(arguments[0]), str(arguments[1])
    if source == target:
        return Outcome.UNCHANGED
    found = scope.matches(source, scope.chunk.start, scope.chunk.stop)
    if isinstance(found, Outcome):
        return found
    return _replacements(found, source, target)


def remove_str(scope: Scope, arguments: Arguments) -> Effect:
    """Delete the only occurrence of a string in a line (RefineX)."""
    return _replace_once(scope, int(arguments[0]), str(arguments[1]), "")


def replace_str(scope: Scope, arguments: Arguments) -> Effect:
    """Replace the only occurrence of a string in a line (UltraX)."""
    return _replace_once(scope, int(arguments[0]), str(arguments[1]), str(arguments[2]))


def _replace_once(scope: Scope, line: int, source: str, target: str) -> Effect:
    lines = scope.owned(line, line)
    if isinstance(lines, Outcome):
        return lines
    if source == target:
        return Outcome.UNCHANGED
    start, stop = scope.line_start(line), scope.line_start(line + 1)
    at = scope.text.find(source, start, stop)
    if at < 0:
        return Outcome.NO_MATCH
    if scope.text.find(source, at + 1, stop) >= 0:
        return Outcome.AMBIGUOUS
    return _replacements([at], source, target)


def _replacements(found: list[int], source: str, target: str) -> list[Replacement]:
    """Turn matches into the smallest spans that change: what source and target share at the ends stays."""
    if not target:
        return [Replacement(at, at + len(source), "") for at in found]
    head = _shared(source, target)
    tail = _shared(source[head:][::-1], target[head:][::-1])
    stop = len(source) - tail
    middle = target[head : len(target) - tail]
    return [Replacement(at + head, at + stop, middle) for at in found]


def _shared(one: str, other: str) -> int:
    """Count the characters two strings begin with in common."""
    limit = min(len(one), len(other))
    for place in range(limit):
        if one[place] != other[place]:
            return place
    return limit
