"""How a span inside a line is named by a `normalize` call that touches nothing else in its chunk."""

from collections.abc import Iterator
from itertools import product

from prox_assets.chunking import Chunk
from prox_assets.programs.actions import normalize
from prox_assets.programs.program import Call
from prox_assets.programs.rails import Rails
from prox_assets.programs.scope import Scope
from prox_assets.refiner.visible import Bools

_CONTEXT_WORDS = (0, 1, 2, 4, 8)
_LONGEST = 10_000  # the language's limit on a string


class SpanNamer:
    """Finds calls for the spans of one chunk. `noise`: which of its characters are to go."""

    def __init__(self, text: str, chunk: Chunk, noise: Bools, rails: Rails) -> None:
        self._text, self._chunk, self._noise = text, chunk, noise
        self._scope = Scope(text, chunk, rails)

    def call(self, start: int, stop: int) -> Call | None:
        """The call that deletes `[start, stop)` of the document, or None where none does only that.

        `normalize` replaces a string wherever it stands in the chunk. When that would touch text that is to
        stay, or when the span ends inside a word, words around the span are repeated on both sides of the
        call, up to the whole line. White space before the span goes with it where white space, or the line's
        end, follows.
        """
        first, last = self._with_space(start, stop)
        for left, right in self._contexts(first, last):
            source, target = self._text[left:right], self._text[left:first] + self._text[last:right]
            if len(source) <= _LONGEST and self._deletes(source, target, start, stop):
                return Call("normalize", (source, target))
        return None

    def _with_space(self, start: int, stop: int) -> tuple[int, int]:
        line_start, line_stop = self._line(start)
        follows = stop == line_stop or self._text[stop].isspace()
        before = start
        while before > line_start and self._text[before - 1].isspace():
            before -= 1
        if follows and before > line_start:
            return before, stop
        while before == line_start and stop < line_stop and self._text[stop].isspace():
            stop += 1
        return start, stop

    def _contexts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Stretches of the line around the span, shorter ones first, ending at spaces."""
        lefts, rights = self._lefts(start), self._rights(stop)
        yield from sorted(product(lefts, rights), key=lambda pair: pair[1] - pair[0])

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
        stop = self._text.find("\n", position, self._chunk.stop)
        start = self._text.rfind("\n", self._chunk.start, position) + 1
        return start or self._chunk.start, self._chunk.stop if stop < 0 else stop

    def _deletes(self, source: str, target: str, start: int, stop: int) -> bool:
        """Whether the executor would delete the span, and elsewhere nothing but noise and white space."""
        found = normalize(self._scope, (source, target))
        if not isinstance(found, list):
            return False
        here = any(one.start <= start and stop <= one.stop for one in found)
        return here and all(not one.text and self._goes(one.start, one.stop) for one in found)

    def _goes(self, start: int, stop: int) -> bool:
        noise = self._noise[start - self._chunk.start : stop - self._chunk.start]
        deleted = self._text[start:stop]
        return all(gone or character.isspace() for gone, character in zip(noise, deleted, strict=True))
