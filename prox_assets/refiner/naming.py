"""How a span inside a line is named by a `normalize` call that touches nothing else in its chunk."""

from collections.abc import Iterator

from prox_assets.chunking import Chunk
from prox_assets.programs.codes import Outcome
from prox_assets.programs.program import Call
from prox_assets.programs.rails import Rails
from prox_assets.programs.scope import Scope
from prox_assets.refiner.visible import Bools

_CONTEXT_WORDS = (0, 1, 2, 4, 8)


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
        start, stop = self._with_space(start, stop)
        for left, right in self._contexts(start, stop):
            source = self._text[left:right]
            if self._harmless(source, left, start - left, stop - start):
                return Call("normalize", (source, self._text[left:start] + self._text[stop:right]))
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
        line_start, line_stop = self._line(start)
        for words in _CONTEXT_WORDS:
            left, right = start, stop
            for _ in range(words):
                left = self._text.rfind(" ", line_start, max(left - 1, line_start)) + 1 or line_start
                right = self._text.find(" ", right + 1, line_stop) if right < line_stop else line_stop
                right = line_stop if right < 0 else right
            yield left, right
        yield line_start, line_stop

    def _line(self, position: int) -> tuple[int, int]:
        stop = self._text.find("\n", position, self._chunk.stop)
        start = self._text.rfind("\n", self._chunk.start, position) + 1
        return start or self._chunk.start, self._chunk.stop if stop < 0 else stop

    def _harmless(self, source: str, left: int, head: int, length: int) -> bool:
        """Whether the call would match here, and elsewhere delete nothing but noise and white space."""
        found = self._scope.matches(source, self._chunk.start, self._chunk.stop)
        if isinstance(found, Outcome) or left not in found:
            return False
        return all(self._goes(at + head, at + head + length) for at in found)

    def _goes(self, start: int, stop: int) -> bool:
        noise = self._noise[start - self._chunk.start : stop - self._chunk.start]
        deleted = self._text[start:stop]
        return all(gone or character.isspace() for gone, character in zip(noise, deleted, strict=True))
