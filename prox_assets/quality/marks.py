"""A document cut into what stayed, what went and what came, with the edit behind each piece."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
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
