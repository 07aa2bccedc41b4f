"""A document cut into what stayed, was removed and was added, and the same line by line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Any, Protocol


class EditLike(Protocol):
    """What is read of an edit record; offsets are characters of the source text."""

    @property
    def call(self) -> str:
        """The call's name."""
        ...

    @property
    def outcome(self) -> str:
        """What came of it; only ``applied`` changes text."""
        ...

    @property
    def start(self) -> int:
        """First character."""
        ...

    @property
    def stop(self) -> int:
        """The character after the last."""
        ...

    @property
    def replacement(self) -> str:
        """What stands there now."""
        ...

    @property
    def score(self) -> float | None:
        """How sure the refiner was."""
        ...


@dataclass(frozen=True, slots=True)
class StoredEdit:
    """An edit as a refined shard stores it."""

    call: str
    outcome: str
    start: int
    stop: int
    replacement: str
    score: float | None
    n_tokens: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "StoredEdit":
        """Read one element of the `edits` column."""
        return cls(**{name: row[name] for name in cls.__slots__})


class Mark(StrEnum):
    """What became of a piece. A gap stands for kept text that is not shown."""

    KEPT = "kept"
    REMOVED = "removed"
    INSERTED = "inserted"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a document; `edit` is what removed or inserted it."""

    mark: Mark
    text: str
    edit: EditLike | None = None

    @property
    def label(self) -> str:
        """The call and its score, for people."""
        if self.edit is None:
            return ""
        score = "" if self.edit.score is None else f", score {self.edit.score:.2f}"
        return f"{self.edit.call}{score}"


def removed_marks(text: str, edits: Iterable[EditLike]) -> list[Segment]:
    """Cut a source text along its applied edits, in order.

    Kept and removed pieces together are the source; kept and inserted ones the refined text. Where edits lie
    over one another, the later one marks only what the earlier left.
    """
    segments: list[Segment] = []
    at = 0
    for edit in sorted(
        (edit for edit in edits if edit.outcome == "applied"), key=lambda edit: (edit.start, edit.stop)
    ):
        start, stop = max(at, edit.start), max(at, edit.stop)
        segments.append(Segment(Mark.KEPT, text[at:start]))
        segments.append(Segment(Mark.REMOVED, text[start:stop], edit))
        segments.append(Segment(Mark.INSERTED, edit.replacement, edit))
        at = stop
    segments.append(Segment(Mark.KEPT, text[at:]))
    return [segment for segment in segments if segment.text]


def elided(segments: Sequence[Segment], around: int) -> list[Segment]:
    """Shorten long pieces, leaving about `around` characters at both ends of each.

    What is left out of kept text becomes a gap; of removed text, three dots inside the mark.
    """
    return [part for segment in segments for part in _shortened(segment, around)]


def _shortened(segment: Segment, around: int) -> list[Segment]:
    text, hidden = segment.text, len(segment.text) - 2 * around
    if hidden <= around:
        return [segment]
    head, tail = text[:around], text[-around:]
    if segment.mark is not Mark.KEPT:
        return [Segment(segment.mark, f"{head} […{hidden:,} characters…] {tail}", segment.edit)]
    gap = Segment(Mark.GAP, f"{hidden:,} characters unchanged")
    return [Segment(Mark.KEPT, head), gap, Segment(Mark.KEPT, tail)]


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
    return [_shortened_line(line, around) for line in shown]


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


def _shortened_line(line: MarkedLine, around: int) -> MarkedLine:
    pieces = tuple(elided(line.pieces, around))
    return line if pieces == line.pieces else replace(line, pieces=pieces, number=None)
