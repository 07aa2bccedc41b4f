"""Calls that delete spans inside lines: `normalize` with a string that stands nowhere else but in noise.

Which spans can be deleted is monotone: with fewer noisy lines or spans, every character that still goes went
before. Three rules make it so. The white space that goes with a span depends on the text and the span alone,
and that of a part of a span goes with the span too. A call deletes exactly that, and elsewhere only what goes
with lines and with spans that have calls of their own. A span that no call can delete gives way to the
noisier spans inside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from prox_assets.arrays import Bools, Ints
from prox_assets.chunking import Chunk
from prox_assets.programs.actions import Scope, normalize
from prox_assets.programs.arguments import encodes
from prox_assets.programs.program import Call
from prox_assets.programs.rails import Rails
from prox_assets.refiner.scoring.windows import NoiseSpan

_CONTEXT_WORDS = (0, 1, 2, 4, 8)
_LONGEST = 10_000  # the language's limit on a string

Block = tuple[int, int]
InnerSpans = Callable[[NoiseSpan], Sequence[NoiseSpan]]


@dataclass(frozen=True, slots=True)
class SpanCalls:
    """The calls that delete a span: one, or two where a space between words has to stay."""

    span: NoiseSpan
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """A call, and all that it deletes in the chunk."""

    call: Call
    deleted: tuple[Block, ...]


def name_spans(
    text: str,
    chunk: Chunk,
    removed: Bools,
    spans: Sequence[NoiseSpan],
    rails: Rails,
    inner: InnerSpans | None = None,
) -> list[SpanCalls]:
    """Find the calls that delete spans of a chunk, the longest spans first; those without calls are left out.

    `removed`: the characters of the chunk that go with their lines, `(characters of the chunk,)`. `inner`
    gives the noisier spans inside one, which are tried in its place where no call can delete it.
    """
    namer, candidates, changed = _Namer(text, chunk, rails), list(spans), True
    while changed:
        goes = namer.goes(removed, candidates)
        nameable = [span for span in candidates if namer.calls(span, goes)]
        left = [span for span in candidates if not namer.calls(span, goes)]
        candidates = nameable + [part for span in left for part in (inner(span) if inner else ())]
        changed = bool(left)
    longest_first = sorted(_outermost(candidates), key=lambda span: span.start - span.stop)
    return [SpanCalls(span, namer.calls(span, goes)) for span in longest_first]


def _outermost(spans: Sequence[NoiseSpan]) -> Iterator[NoiseSpan]:
    """Leave out the spans inside others; two spans lie apart or one in the other."""
    stop = -1
    for span in sorted(spans, key=lambda span: (span.start, -span.stop)):
        if span.stop > stop:
            yield span
            stop = span.stop


class _Namer:
    """Finds calls for the spans of one chunk; what a call deletes is found once."""

    def __init__(self, text: str, chunk: Chunk, rails: Rails) -> None:
        self._text, self._chunk = text, chunk
        self._scope = Scope(text, chunk, rails)
        self._known: dict[Block, tuple[list[_Way], Iterator[_Way]]] = {}

    def goes(self, removed: Bools, spans: Sequence[NoiseSpan]) -> Ints:
        """Count the characters that go before each place of the chunk, `(characters of the chunk + 1,)`."""
        noise = removed.copy()
        for span in spans:
            for start, stop in self._blocks(span):
                noise[start - self._chunk.start : stop - self._chunk.start] = True
        return np.concatenate([[0], np.cumsum(noise, dtype=np.int64)])

    def calls(self, span: NoiseSpan, goes: Ints) -> tuple[Call, ...]:
        """The calls that delete a span and otherwise only what goes; none where a part of it has no call."""
        found = [self._call(block, goes) for block in self._blocks(span)]
        return tuple(call for call in found if call) if all(found) else ()

    def _call(self, block: Block, goes: Ints) -> Call | None:
        offset = self._chunk.start
        for way in self._ways(block):
            if all(goes[stop - offset] - goes[start - offset] == stop - start for start, stop in way.deleted):
                return way.call
        return None

    def _ways(self, block: Block) -> Iterator[_Way]:
        known, more = self._known.setdefault(block, ([], self._new_ways(*block)))
        yield from known
        for way in more:
            known.append(way)
            yield way

    def _new_ways(self, start: int, stop: int) -> Iterator[_Way]:
        """Try the block, then with words around it on both sides of the call, up to the whole line.

        Context is needed where the string also stands in text that stays, or where the block ends inside a
        word.
        """
        for left, right in self._contexts(start, stop):
            source, target = self._text[left:right], self._text[left:start] + self._text[stop:right]
            if len(source) > _LONGEST or not encodes(source):
                continue
            effect = normalize(self._scope, (source, target))
            if not isinstance(effect, list) or any(span.text for span in effect):
                continue
            deleted = tuple((span.start, span.stop) for span in effect)
            if (start, stop) in deleted:
                yield _Way(Call("normalize", (source, target)), deleted)

    def _blocks(self, span: NoiseSpan) -> list[Block]:
        """A span with the white space that would be left over: after it, or before it at the end of a line.

        Where the span begins inside a word, the first space in it stays between that word and what follows.
        """
        start, stop, text = span.start, span.stop, self._text
        line_start, line_stop = self._line(start)
        before, after = start, stop
        while before > line_start and text[before - 1].isspace():
            before -= 1
        while after < line_stop and text[after].isspace():
            after += 1
        if after == line_stop:
            return [(before, stop)]
        if before < start or start == line_start:
            return [(start, after)]
        inside = next((at for at in range(start, stop) if text[at].isspace()), None)
        if inside is None:
            return [(start, stop)]
        follows = next(at for at in range(inside, stop) if not text[at].isspace())
        return [(start, inside), (follows, after)]

    def _contexts(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Stretches of the line around a block, shorter ones first, ending at spaces."""
        return sorted(product(self._lefts(start), self._rights(stop)), key=lambda pair: pair[1] - pair[0])

    def _lefts(self, start: int) -> list[int]:
        line_start, _ = self._line(start)
        lefts, left = [start], start
        for words in range(1, _CONTEXT_WORDS[-1] + 1):
            left = self._text.rfind(" ", line_start, max(left - 1, line_start)) + 1 or line_start
            if words in _CONTEXT_WORDS:
                lefts.append(left)
        return list(dict.fromkeys([*lefts, line_start]))

    def _rights(self, stop: int) -> list[int]:
        _, line_stop = self._line(stop)
        rights, right = [stop], stop
        for words in range(1, _CONTEXT_WORDS[-1] + 1):
            found = self._text.find(" ", right + 1, line_stop)
            right = line_stop if found < 0 else found
            if words in _CONTEXT_WORDS:
                rights.append(right)
        return list(dict.fromkeys([*rights, line_stop]))

    def _line(self, position: int) -> tuple[int, int]:
        """Where the line of a position begins and ends within the chunk."""
        stop = self._text.find("\n", position, self._chunk.stop)
        start = self._text.rfind("\n", self._chunk.start, position) + 1
        return start or self._chunk.start, self._chunk.stop if stop < 0 else stop
