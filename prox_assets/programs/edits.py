"""The edit record: what each call did to the source, enough to go from source to refined text and back."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from prox_assets.errors import ProgramError


class Cover:
    """Ranges of integers in order; adding and asking take logarithmic time (and a move of memory)."""

    __slots__ = ("_starts", "_stops")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, start: int, stop: int) -> None:
        """Take a range that touches none of those taken."""
        if not self._stops or start >= self._stops[-1]:
            self._starts.append(start)
            self._stops.append(stop)
            return
        at = bisect_left(self._starts, start)
        self._starts.insert(at, start)
        self._stops.insert(at, stop)

    def free(self, start: int, stop: int) -> list[tuple[int, int]]:
        """List the parts of a range that are not taken."""
        starts, stops = self._starts, self._stops
        if not stops or start >= stops[-1]:
            return [(start, stop)]
        parts, begin = [], start
        at = bisect_right(stops, start)
        while at < len(starts) and starts[at] < stop:
            if begin < starts[at]:
                parts.append((begin, starts[at]))
            begin = stops[at]
            at += 1
        if begin < stop:
            parts.append((begin, stop))
        return parts

    def touches(self, start: int, stop: int) -> bool:
        """Say whether any of a range is taken; an empty range is where it lies inside of a taken one."""
        at = bisect_right(self._stops, start)
        return at < len(self._starts) and self._starts[at] < stop

    def holds(self, start: int, stop: int) -> bool:
        """Say whether all of a range is taken by one taken range."""
        at = bisect_right(self._stops, start)
        return at < len(self._starts) and self._starts[at] <= start and stop <= self._stops[at]


class Edit(NamedTuple):
    """One call's effect at one place.

    `start` and `stop` are characters of the source document; `removed` is the text that stood there and
    `replacement` what stands there now. Only edits whose `outcome` is "applied" change text; the others
    say what the call aimed at (an empty span where it aimed at nothing) and why nothing happened.
    `call` is the statistics key, `position` the place in the program's calls (or, where the outcome is a
    refusal's code, in its refusals). `chunk` and `position` are -1 for a guard rail's own edit.
    """

    call: str
    chunk: int
    start: int
    stop: int
    replacement: str
    score: float | None
    outcome: str
    position: int
    removed: str = ""


def applied(edits: Iterable[Edit]) -> list[Edit]:
    """Pick the edits that change text, in the order of the source."""
    return sorted((e for e in edits if e.outcome == "applied"), key=_place)


def _place(edit: Edit) -> tuple[int, int]:
    return edit.start, edit.stop


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """Rebuild the refined text from the source and its record.

    Raises ProgramError where the record is of another text: spans outside of it or over one another.
    """
    return rebuilt(source, applied(edits))


def rebuilt(source: str, ordered: Iterable[Edit]) -> str:
    """Do what `apply_edits` does with edits that are all applied and in the order of the source."""
    parts: list[str] = []
    at = 0
    for edit in ordered:
        if not at <= edit.start <= edit.stop <= len(source):
            raise ProgramError(
                f"edit record: [{edit.start}, {edit.stop}) does not fit a source of {len(source)} characters "
                f"edited up to {at}; use the record together with the text it was made from"
            )
        parts += (source[at : edit.start], edit.replacement)
        at = edit.stop
    return "".join((*parts, source[at:]))


def revert_edits(refined: str, edits: Iterable[Edit]) -> str:
    """Rebuild the source from the refined text and its record (with `removed` texts).

    Raises ProgramError where the record is of another text.
    """
    parts: list[str] = []
    at = shift = 0
    for edit in applied(edits):
        begin = edit.start + shift
        end = begin + len(edit.replacement)
        if begin < at or refined[begin:end] != edit.replacement:
            raise ProgramError(
                f"edit record: nothing like the edit at [{edit.start}, {edit.stop}) is in this refined text; "
                "use the record together with the text it led to"
            )
        parts += (refined[at:begin], edit.removed)
        at, shift = end, shift + len(edit.replacement) - (edit.stop - edit.start)
    return "".join((*parts, refined[at:]))


def with_removed(source: str, edits: Iterable[Edit]) -> list[Edit]:
    """Fill in the removed texts of a record that was stored as spans only."""
    return [e._replace(removed=source[e.start : e.stop]) if e.outcome == "applied" else e for e in edits]
