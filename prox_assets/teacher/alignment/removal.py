"""Decide which words, spans and lines of the source a rewrite leaves out."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log

import numpy as np
import numpy.typing as npt

from prox_assets.chunking import Chunk
from prox_assets.teacher.alignment.matching import Gap, Ints, Word, folded, gaps

Bools = npt.NDArray[np.bool_]

# A piece of the source stays when this share of it stands in what the rewrite has in its place.
_SAME_CONTENT = 0.3
# ... or when this share of its runs of three words stands in what the rewrite has and nothing accounts for.
_MOVED = 0.5
_RUNS = (1, 2, 3)
_RUN = _RUNS[-1]
# Words of the rewrite that nothing accounts for stand for a piece of up to so many times, and then so many,
# more or fewer words.
_STRETCH, _SLACK = 3.0, 3
_MOST_NEW_SENTENCES = 100
# Pieces that fit nearly as well as the best one stay too; the distance is of length (logarithm) and place.
_AS_GOOD = 0.25
# A sentence that loses this share of its words in at least so many places was shortened, not cleaned.
_SHORTENED_PLACES, _SHORTENED_SHARE = 3, 0.25
_STEM = 4


def left_out(source: Sequence[Word], rewrite: Sequence[Word], partner: Ints) -> Bools:
    """Tell for each word of the source whether it goes, `(source words,)`.

    `partner` is what `matched` says. Where the rewrite has words of its own, the source's words beside them
    may be kept in other words: they stay if they look alike, if they are part of a sentence that stays, or
    if nothing else accounts for the rewrite's words.
    """
    return _Deciding(source, rewrite, partner).decided()


class _Deciding:
    def __init__(self, source: Sequence[Word], rewrite: Sequence[Word], partner: Ints) -> None:
        self.source, self.rewrite = source, rewrite
        self.goes: Bools = np.asarray(partner < 0)
        self.gaps = list(gaps(partner, len(rewrite)))
        self.own = {index for gap in self.gaps for index in range(gap.c, gap.d)}
        self.own_runs = {
            run for gap in self.gaps for size in _RUNS for run in _runs(_forms(rewrite[gap.c : gap.d]), size)
        }
        self.source_runs = set(_runs(_forms(source), _RUN)) if self.own else set()
        self.sentences: dict[int, list[int]] = {}
        for index, word in enumerate(source):
            self.sentences.setdefault(word.sentence, []).append(index)

    def decided(self) -> Bools:
        touched = self._shortened()
        if self.own:
            for gap in self.gaps:
                touched |= self._reworded(gap)
                self._keep_alike(gap)
        for sentence in touched:
            words = self.sentences[sentence]
            if not self.goes[words].all():
                self.goes[words] = False
        return self.goes

    def _reworded(self, gap: Gap) -> set[int]:
        """The sentences of the source that go on into words that the rewrite has of its own."""
        a, b, c, d = gap
        if c == d:
            return set()
        source, rewrite = self.source, self.rewrite
        found = set()
        if a and (_together(source, a - 1, a, b) or _together(rewrite, c - 1, c, d)):
            found.add(source[a - 1].sentence)
        if b < len(source) and (_together(source, b, b - 1, b, a) or _together(rewrite, d, d - 1, d, c)):
            found.add(source[b].sentence)
        return found

    def _keep_alike(self, gap: Gap) -> None:
        """Keep the pieces that stand elsewhere in the rewrite, look like what stands here, or must be it."""
        a, b, c, d = gap
        here = set(_grams(self.rewrite[c:d]))
        pieces = list(_pieces(self.source, a, b))
        gone = []
        for piece in pieces:
            words = self.source[piece.start : piece.stop]
            alike = _share(_grams(words), here) >= _SAME_CONTENT
            if alike or self._moved(words) or self._inside_reworded_line(piece, gap):
                self.goes[piece.start : piece.stop] = False
            else:
                gone.append(piece)
        there = set(_grams(self.source[a:b]))
        new = [piece for piece in _pieces(self.rewrite, c, d) if self._unaccounted(piece, there)]
        if len(new) > _MOST_NEW_SENTENCES:
            self.goes[a:b] = False
        else:
            for piece in new:
                self._keep_one(gone, piece, gap)

    def _moved(self, words: Sequence[Word]) -> bool:
        return _share(_runs(_forms(words), _RUN), self.own_runs) >= _MOVED

    def _inside_reworded_line(self, piece: range, gap: Gap) -> bool:
        """Whether a piece is of a line that stays, and the rewrite goes on there in words enough for it."""
        line = self.source[piece.start].line
        beside = [index for index in (gap.a - 1, gap.b) if 0 <= index < len(self.source)]
        stays = any(self.source[index].line == line for index in beside)
        own = gap.d - gap.c
        return stays and own > 0 and len(piece) <= _STRETCH * own + _SLACK

    def _unaccounted(self, piece: range, there: set[str]) -> bool:
        """Whether words that only the rewrite has are a sentence of their own that nothing resembles."""
        words = self.rewrite[piece.start : piece.stop]
        if not _whole_sentence(self.rewrite, piece):
            return False
        known = _share(_runs(_forms(words), _RUN), self.source_runs) >= _MOVED
        return not known and _share(_grams(words), there) < _SAME_CONTENT

    def _keep_one(self, gone: list[range], said: range, gap: Gap) -> None:
        """Keep the piece that is nearest to what the rewrite says, by length and by place, and its equals."""
        place = (said.start + said.stop - 2 * gap.c) / (gap.d - gap.c)
        distances = {
            piece: abs(log(len(piece) / len(said)))
            + abs((piece.start + piece.stop - 2 * gap.a) / (gap.b - gap.a) - place) / 2
            for piece in gone
            if len(said) / _STRETCH - _SLACK <= len(piece) <= len(said) * _STRETCH + _SLACK
        }
        nearest = min(distances.values(), default=0.0)
        for piece, distance in distances.items():
            if distance <= nearest + _AS_GOOD:
                self.goes[piece.start : piece.stop] = False
                gone.remove(piece)

    def _shortened(self) -> set[int]:
        """The sentences that lose many of their words here and there."""
        found = set()
        for sentence, words in self.sentences.items():
            lost = self.goes[words]
            places = sum(1 for goes, _ in groupby(lost.tolist()) if goes)
            if places >= _SHORTENED_PLACES and lost.mean() >= _SHORTENED_SHARE:
                found.add(sentence)
        return found


def _together(words: Sequence[Word], known: int, next_to_it: int, stop: int, start: int = 0) -> bool:
    """Whether the words beside a match, if there are any, belong to its sentence."""
    return start <= next_to_it < stop and words[known].sentence == words[next_to_it].sentence


def _pieces(words: Sequence[Word], start: int, stop: int) -> Iterator[range]:
    """The words of a range, a piece a sentence."""
    for _, group in groupby(range(start, stop), key=lambda index: words[index].sentence):
        indexes = list(group)
        yield range(indexes[0], indexes[-1] + 1)


def _whole_sentence(words: Sequence[Word], piece: range) -> bool:
    sentence = words[piece.start].sentence
    before = piece.start > 0 and words[piece.start - 1].sentence == sentence
    return not before and (piece.stop == len(words) or words[piece.stop].sentence != sentence)


def _forms(words: Sequence[Word]) -> list[str]:
    return [word.form for word in words]


def _runs(forms: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """All runs of `size` words; the whole where there are fewer."""
    if len(forms) <= size:
        return [tuple(forms)] if forms else []
    return list(zip(*(forms[start:] for start in range(size)), strict=False))


def _grams(words: Sequence[Word]) -> list[str]:
    """What two wordings of one thing share: beginnings of words, and pairs of letters in unspaced scripts."""
    grams = [word.form[:_STEM] for word in words if not word.is_letter]
    return grams + [
        one.form + other.form for one, other in pairwise(words) if one.is_letter and other.is_letter
    ]


def _share(found: Sequence[object], among: Collection[object]) -> float:
    return sum(item in among for item in found) / len(found) if found else 0.0


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
