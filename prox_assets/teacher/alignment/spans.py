"""From words that go to characters that go: whole lines, and spans inside lines with their marks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from prox_assets.chunking import Chunk
from prox_assets.teacher.alignment.deciding import Bools
from prox_assets.teacher.alignment.sequences import Ints
from prox_assets.teacher.alignment.words import Word, folded

Span = tuple[int, int]
_LINE_BREAK = re.compile(r"\s*\n\s*")
_LINE_BREAK = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Aligned:
    """A chunk of a text and its rewrite, word by word: partners (-1 for none), and which words go."""

    text: str
    chunk: Chunk
    words: Sequence[Word]
    rewrite: str
    rewrite_words: Sequence[Word]
    partner: Ints
    goes: Bools


@dataclass(frozen=True, slots=True)
class Removed:
    """Lines that go as a whole, by their number in the document, and spans inside the others, in order."""

    lines: frozenset[int] = frozenset()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the chunk: where it stands, and its words as a range of the chunk's words."""

    start: int
    stop: int
    words: range
    marks: str

    @property
    def is_blank(self) -> bool:
        return not self.words and not self.marks


def removed(aligned: Aligned) -> Removed:
    """The lines and spans that go with the words."""
    lines = _lines(aligned)
    between = _Between(aligned)
    gone = [_line_goes(aligned, between, line) for line in lines]
    spans = [
        span
        for line, goes in zip(lines, gone, strict=True)
        if line.words and not goes
        for span in _spans(aligned, line)
    ]
    numbers = {number for number, goes in enumerate(gone) if goes} | _blank_lines(between, lines, gone)
    if len(numbers) < len(lines) and lines[-1].is_blank and aligned.chunk.stop == len(aligned.text):
        numbers.discard(len(lines) - 1)  # the newline that ends the document
    first = aligned.chunk.line_start
    return Removed(frozenset(first + number for number in numbers), tuple(spans))


class _Between:
    """What the rewrite has between the matched words on both sides of a place in the source."""

    def __init__(self, aligned: Aligned) -> None:
        count = len(aligned.words)
        known = np.flatnonzero(aligned.partner >= 0)
        self._places = np.searchsorted(known, np.arange(count + 1))
        words = aligned.rewrite_words
        partners = aligned.partner[known].tolist()
        self._starts = [0, *(words[partner].stop for partner in partners)]
        self._stops = [*(words[partner].start for partner in partners), len(aligned.rewrite)]
        self._rewrite = aligned.rewrite
        self._seen: dict[int, tuple[int, str]] = {}

    def breaks(self, word: int) -> int:
        """How many lines end there."""
        return self._text(word)[0]

    def has(self, marks: str, word: int) -> bool:
        """Whether these marks stand there, whatever white space is between them."""
        return marks in self._text(word)[1]

    def _text(self, word: int) -> tuple[int, str]:
        place = int(self._places[word])
        if place not in self._seen:
            text = self._rewrite[self._starts[place] : self._stops[place]]
            self._seen[place] = text.count("\n"), _visible(text)
        return self._seen[place]


def _lines(aligned: Aligned) -> list[_Line]:
    chunk = aligned.chunk
    contents = aligned.text[chunk.start : chunk.stop].split("\n")[: chunk.line_stop - chunk.line_start]
    lines, start, word = [], chunk.start, 0
    for number, content in enumerate(contents):
        first = word
        while word < len(aligned.words) and aligned.words[word].line == number:
            word += 1
        marks = "" if word > first else _visible(content)
        lines.append(_Line(start, start + len(content), range(first, word), marks))
        start += len(content) + 1
    return lines


def _line_goes(aligned: Aligned, between: _Between, line: _Line) -> bool:
    """A line goes with all its words; a line of marks goes if the rewrite has no such marks in its place."""
    if line.words:
        return bool(aligned.goes[line.words.start : line.words.stop].all())
    return bool(line.marks) and not between.has(line.marks, line.words.start)


def _visible(text: str) -> str:
    return "".join(folded(text).split())


def _blank_lines(between: _Between, lines: Sequence[_Line], gone: Sequence[bool]) -> set[int]:
    """The blank lines that go with the lines around them: as many stay as the rewrite has in their place."""
    result: set[int] = set()
    for stays, group in groupby(range(len(lines)), key=lambda n: not gone[n] and not lines[n].is_blank):
        numbers = list(group)
        if stays or not any(gone[number] for number in numbers):
            continue
        blank = [number for number in numbers if lines[number].is_blank]
        inside = numbers[0] > 0 and numbers[-1] < len(lines) - 1
        breaks = between.breaks(lines[numbers[0]].words.start)
        result.update(blank[max(breaks - inside, 0) :])
    return result


def _spans(aligned: Aligned, line: _Line) -> Iterator[Span]:
    """The spans that go inside a line that stays."""
    for goes, group in groupby(line.words, key=lambda index: bool(aligned.goes[index])):
        if goes:
            words = list(group)
            yield _span(aligned, line, words[0], words[-1])


def _span(aligned: Aligned, line: _Line, first: int, last: int) -> Span:
    """What goes with some words: the marks and spaces beside them that the rewrite lacks too."""
    before = first - 1 if first > line.words.start else None
    after = last + 1 if last + 1 < line.words.stop else None
    low = line.start if before is None else aligned.words[before].stop
    high = line.stop if after is None else aligned.words[after].start
    stays = folded(_stays(aligned, before, after))
    inside = folded(aligned.text[low:high])
    head = _shared(inside, stays)
    tail = _shared(inside[head:][::-1], stays[head:][::-1])
    if head + tail < len(stays):
        head, tail = (0 if after is None else head), (0 if before is None else tail)
    return low + head, high - tail


def _stays(aligned: Aligned, before: int | None, after: int | None) -> str:
    """What stands in the rewrite between two words of a line of the source; None is the end of the line."""
    rewrite, words = aligned.rewrite, aligned.rewrite_words
    left = -1 if before is None else int(aligned.partner[before])
    right = -1 if after is None else int(aligned.partner[after])
    if before is not None and after is not None:
        between = rewrite[words[left].stop : words[right].start] if -1 < left == right - 1 else " "
        return _LINE_BREAK.sub(" ", between)
    if before is not None and left >= 0:
        stop = words[left + 1].start if left + 1 < len(words) else len(rewrite)
        return rewrite[words[left].stop : stop].split("\n")[0].rstrip()
    if after is not None and right >= 0:
        start = words[right - 1].stop if right else 0
        return rewrite[start : words[right].start].split("\n")[-1]
    return ""


def _shared(one: str, other: str) -> int:
    """How many characters two strings begin with in common."""
    for place, (mine, yours) in enumerate(zip(one, other, strict=False)):
        if mine != yours:
            return place
    return min(len(one), len(other))
