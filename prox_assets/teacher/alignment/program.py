"""The program of a rewrite: the lines and spans of a chunk that the rewrite leaves out, as calls."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs import Call, Outcome, Program, Rails, keep_chunk, normalize, removing
from prox_assets.programs.actions import Scope
from prox_assets.programs.arguments import encodes
from prox_assets.teacher.alignment.matching import Word, gaps, matched, words_of
from prox_assets.teacher.alignment.removal import Aligned, Removed, left_out, removed

Span = tuple[int, int]

_RAILS = Rails()
_STEPS = (1, 2, 3, 5, 8, 13, 21, 34)


@dataclass(frozen=True, slots=True)
class Change:
    """Put `text` in the place of `[start, stop)` of the document; an empty text deletes."""

    start: int
    stop: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The calls for some changes, and the changes that no call can make without hitting other text."""

    calls: tuple[Call, ...]
    left: tuple[Change, ...]


def calls_for(
    text: str, chunk: Chunk, words: Sequence[Word], changes: Sequence[Change], removed_lines: Iterable[Span]
) -> Written:
    """One `normalize` a change, its string grown word by word until it hits only what is to change.

    All changes of one wording share a call where their string stands nowhere else. A string grows inside its
    line. `removed_lines` are the characters of lines that go anyway.
    """
    lines = list(removed_lines)
    written = _Writer(text, chunk, words, changes, lines).written()
    left: tuple[Change, ...] = ()
    while written.left:
        # A string may hit inside a change of another wording; where that one is not made, it must not.
        left += written.left
        unmade = set(left)
        made = [change for change in changes if change not in unmade]
        written = _Writer(text, chunk, words, made, lines).written()
    return Written(written.calls, left)


class _Writer:
    def __init__(
        self,
        text: str,
        chunk: Chunk,
        words: Sequence[Word],
        changes: Sequence[Change],
        removed_lines: Iterable[Span],
    ) -> None:
        self._text, self._words = text, words
        self._scope = Scope(text, chunk, _RAILS)
        self._changes = sorted(changes, key=lambda change: change.start - change.stop)
        self._texts = {(change.start, change.stop): change.text for change in changes}
        deleted = [(change.start, change.stop) for change in changes if not change.text]
        self._free = sorted([*deleted, *removed_lines])
        self._starts = [start for start, _ in self._free]
        self._word_starts = [word.start for word in words]
        self._word_stops = [word.stop for word in words]

    def written(self) -> Written:
        calls: dict[Call, None] = {}
        left: list[Change] = []
        done: set[Span] = set()
        for change in self._changes:
            if (change.start, change.stop) in done:
                continue
            found = self._call(change) if len(calls) < _RAILS.max_calls else None
            if found is None:
                left.append(change)
            else:
                calls[found[0]] = None
                done.update(found[1])
        return Written(tuple(calls), tuple(left))

    def _call(self, change: Change) -> tuple[Call, list[Span]] | None:
        """The shortest of the tried strings that hits only what is to change, and the places it hits."""
        for start, stop in self._grown(change):
            source = self._text[start:stop]
            target = source[: change.start - start] + change.text + source[change.stop - start :]
            if source.isspace() or not encodes(source + target):
                continue
            hits = self._hits(source, change, start)
            if hits is not None:
                return normalize(source, target), hits
        return None

    def _grown(self, change: Change) -> Iterator[Span]:
        """The change itself, then with more and more words of its line on both sides."""
        begin = self._text.rfind("\n", self._scope.chunk.start, change.start) + 1 or self._scope.chunk.start
        end = self._text.find("\n", change.stop, self._scope.chunk.stop)
        end = self._scope.chunk.stop if end < 0 else end
        before = bisect_right(self._word_stops, change.start)
        after = bisect_left(self._word_starts, change.stop)
        last = (change.start, change.stop)
        yield last
        for more in _STEPS:
            start = self._word_starts[before - more] if before >= more else begin
            stop = self._word_stops[after + more - 1] if after + more <= len(self._words) else end
            span = (max(start, begin), min(stop, end))
            if span != last:
                yield span
                yield span[0], change.stop
            last = span
            if span == (begin, end):
                return
        if last != (begin, end):
            yield begin, end

    def _hits(self, source: str, change: Change, start: int) -> list[Span] | None:
        """Where a string would change the text; None where it would change what is to stay."""
        offset, size = change.start - start, change.stop - change.start
        if (
            not change.text
            and size < len(source)
            and source[offset] == source[offset + size : offset + size + 1]
        ):
            return None  # the executor keeps what source and target begin with alike: it would fall later
        found = self._scope.matches(source, self._scope.chunk.start, self._scope.chunk.stop)
        if isinstance(found, Outcome):
            return None
        hits = [(at + offset, at + offset + size) for at in found]
        wanted = all(self._is_wanted(hit, change.text) for hit in hits)
        return hits if wanted and (change.start, change.stop) in hits else None

    def _is_wanted(self, hit: Span, text: str) -> bool:
        if hit in self._texts:
            return self._texts[hit] == text
        place = bisect_right(self._starts, hit[0]) - 1
        return place >= 0 and hit[1] <= self._free[place][1]


# UltraX rejects edits of strings longer than this (arXiv 2607.08646).
_LONGEST_REPLACEMENT = 150
# Lines that open or close a fence; models put one around their answer.
_FENCE = re.compile(r"^[ \t]*```[ \t]*\w*[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The program of a rewrite, and the changes that no call can make without hitting other text."""

    program: Program
    left: tuple[Change, ...] = ()


def program_from_rewrite(text: str, chunk: Chunk, rewrite: str, replacements: bool = False) -> Program:
    """The program that turns a chunk of `text` into a teacher's rewrite of it, as far as deletions can.

    `rewrite` is of what the chunk owns, without its context lines. Lines that the rewrite lacks are removed;
    spans inside other lines are deleted by `normalize` with a string that hits nothing else. Nothing that
    the rewrite says in other words is deleted, nor marks inside a line alone, nor blank lines alone. With
    `replacements`, words that the rewrite says otherwise inside a line are replaced, up to 150 characters
    each. Any rewrite gives a program; one that changes nothing gives `keep_chunk()`.
    """
    return aligned_program(text, chunk, rewrite, replacements).program


def aligned_program(text: str, chunk: Chunk, rewrite: str, replacements: bool = False) -> Alignment:
    """`program_from_rewrite` with what could not be done."""
    aligned = _aligned(text, chunk, rewrite)
    gone = removed(aligned)
    changes = [Change(start, stop) for start, stop in gone.spans]
    if replacements:
        changes += _replaced(aligned)
    spans = _characters(text, chunk, gone)
    written = calls_for(text, chunk, aligned.words, changes, spans)
    removals: tuple[Call, ...] = removing(gone.lines).calls if gone.lines else ()
    calls = (*removals, *written.calls)
    return Alignment(Program(calls or (keep_chunk(),)), written.left)


def _aligned(text: str, chunk: Chunk, rewrite: str) -> Aligned:
    words = words_of(text, chunk.start, chunk.stop)
    if "```" not in text[chunk.start : chunk.stop]:
        rewrite = _FENCE.sub("", rewrite)
    rewrite_words = words_of(rewrite)
    partner = matched(words, rewrite_words)
    goes = left_out(words, rewrite_words, partner)
    return Aligned(text, chunk, words, rewrite, rewrite_words, partner, goes)


def _characters(text: str, chunk: Chunk, gone: Removed) -> Iterator[tuple[int, int]]:
    """The characters of the lines that go, newlines included."""
    start = chunk.start
    for line, (begin, end) in enumerate(line_spans(text[chunk.start : chunk.stop]), chunk.line_start):
        if line in gone.lines:
            yield start + begin, start + end + 1


def _replaced(aligned: Aligned) -> Iterator[Change]:
    """The words of a line that the rewrite says otherwise, between words that both have."""
    words, rewrite_words = aligned.words, aligned.rewrite_words
    for a, b, c, d in gaps(aligned.partner, len(rewrite_words)):
        if a == b or c == d or words[a].line != words[b - 1].line or aligned.goes[a:b].any():
            continue
        start, stop = words[a].start, words[b - 1].stop
        target = aligned.rewrite[rewrite_words[c].start : rewrite_words[d - 1].stop]
        bounded = max(stop - start, len(target)) <= _LONGEST_REPLACEMENT and len(target) <= 2 * (stop - start)
        if bounded and "\n" not in target and target != aligned.text[start:stop]:
            yield Change(start, stop, target)
