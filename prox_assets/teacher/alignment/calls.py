"""Calls that change given places of a chunk and nothing else."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prox_assets.chunking import Chunk
from prox_assets.programs import Call, Outcome, Rails, normalize
from prox_assets.programs.actions import Scope
from prox_assets.programs.arguments import encodes
from prox_assets.teacher.alignment.words import Word

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
