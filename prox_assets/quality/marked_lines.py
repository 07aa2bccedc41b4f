"""A marked document line by line, as a person judges it; long runs are folded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from prox_assets.quality.marks import Mark, Segment, elided


class LineState(StrEnum):
    """What the refiner made of a line; a blank one is not judged."""

    CLEAN = "clean"
    NOISE = "noise"
    PART = "part"
    BLANK = ""


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """One line of the source, or a gap that stands for several: it has no number, nobody judges the unseen.

    `spans` are the removed parts of a line in part, `start-stop` in its own characters. `ends`: whether its
    newline stayed; None at the end of the text.
    """

    number: int | None
    state: LineState
    pieces: tuple[Segment, ...]
    spans: str = ""
    ends: Mark | None = Mark.KEPT

    @property
    def n_chars(self) -> int:
        """Characters of the source."""
        return sum(len(piece.text) for piece in self.pieces if piece.mark is not Mark.INSERTED)


def marked_lines(segments: Iterable[Segment]) -> list[MarkedLine]:
    """Cut marked text (`removed_marks`) at its newlines; as many lines as the source has."""
    lines: list[MarkedLine] = []
    pieces: list[Segment] = []
    for segment in segments:
        if segment.mark is Mark.INSERTED:
            pieces.append(segment)
            continue
        for index, part in enumerate(segment.text.split("\n")):
            if index:
                lines.append(_line(len(lines), pieces, segment.mark))
                pieces = []
            if part:
                pieces.append(replace(segment, text=part))
    return [*lines, _line(len(lines), pieces, None)]


def folded(lines: Sequence[MarkedLine], around: int) -> list[MarkedLine]:
    """Shorten long runs of lines that went or stayed together to about `around` characters at both ends."""
    shown: list[MarkedLine] = []
    for state, group in groupby(lines, lambda line: LineState.CLEAN if not line.state else line.state):
        run = list(group)
        long = state is not LineState.PART and sum(line.n_chars for line in run) > 3 * around
        shown += _ends(run, around) if long else run
    return [_shortened(line, around) for line in shown]


def remaining(lines: Iterable[MarkedLine]) -> list[MarkedLine]:
    """The same lines as they are after the edits."""
    return [line for line in _without_removed(lines) if line.pieces or line.ends is Mark.KEPT]


def _without_removed(lines: Iterable[MarkedLine]) -> Iterator[MarkedLine]:
    for line in lines:
        yield replace(line, pieces=tuple(piece for piece in line.pieces if piece.mark is not Mark.REMOVED))


def _line(number: int, pieces: Sequence[Segment], ends: Mark | None) -> MarkedLine:
    spans, at = [], 0
    for piece in pieces:
        if piece.mark is Mark.INSERTED:
            continue
        if piece.mark is Mark.REMOVED:
            spans.append(f"{at}-{at + len(piece.text)}")
        at += len(piece.text)
    state = _state(pieces)
    return MarkedLine(number, state, tuple(pieces), " ".join(spans) if state is LineState.PART else "", ends)


def _state(pieces: Sequence[Segment]) -> LineState:
    visible = {piece.mark for piece in pieces if piece.text.strip()}
    if not visible:
        return LineState.BLANK
    if visible == {Mark.REMOVED}:
        return LineState.NOISE
    return LineState.CLEAN if visible == {Mark.KEPT} else LineState.PART


def _ends(run: Sequence[MarkedLine], around: int) -> list[MarkedLine]:
    """The first and the last lines of a run, and a gap for the others."""
    head = _reaching(run, around)
    tail = _reaching(run[head:][::-1], around)
    hidden = run[head : len(run) - tail]
    if len(hidden) < 2:
        return list(run)
    what = "removed" if hidden[0].state is LineState.NOISE else "unchanged"
    mark = Mark.REMOVED if what == "removed" else Mark.GAP
    ends = Mark.REMOVED if mark is Mark.REMOVED else Mark.KEPT
    gap = MarkedLine(None, hidden[0].state, (Segment(mark, f"{len(hidden):,} lines {what}"),), "", ends)
    return [*run[:head], gap, *run[-tail:]]


def _reaching(run: Sequence[MarkedLine], around: int) -> int:
    total = 0
    for count, line in enumerate(run, 1):
        total += line.n_chars
        if total >= around:
            return count
    return len(run)


def _shortened(line: MarkedLine, around: int) -> MarkedLine:
    pieces = tuple(elided(line.pieces, around))
    return line if pieces == line.pieces else replace(line, pieces=pieces, number=None)
