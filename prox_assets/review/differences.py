"""What one way of refining removes and the other keeps, in characters of the source."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Interval = tuple[int, int]
LEFT, RIGHT, BOTH = "left", "right", "both"


@dataclass(frozen=True, slots=True)
class Removed:
    """A stretch of a document that `side` removes: one or both; `call` and `score` are its edit's."""

    side: str
    start: int
    stop: int
    call: str
    score: float | None


def removals(row: Mapping[str, Any], n_chars: int) -> list[Removed]:
    """What a row of chunk_refined_corpus removes of its source text; all of it when it was not kept."""
    if row["status"] != "kept":
        return [Removed("", 0, n_chars, row["reason"] or row["status"], None)]
    applied = [edit for edit in row["edits"] if edit["outcome"] == "applied"]
    ordered = sorted(applied, key=lambda edit: (edit["start"], edit["stop"]))
    found, at = [], 0
    for edit in ordered:
        start, stop = max(at, edit["start"]), edit["stop"]
        if start < stop:
            found.append(Removed("", start, stop, edit["call"], edit["score"]))
            at = stop
    return found


def differences(left: list[Removed], right: list[Removed]) -> list[Removed]:
    """The stretches that only one of them removes, and those of both (with the left's call), in order."""
    only_left = _minus(left, _intervals(right), LEFT)
    only_right = _minus(right, _intervals(left), RIGHT)
    common = _minus(left, [(one.start, one.stop) for one in only_left], BOTH)
    return sorted([*only_left, *only_right, *common], key=lambda one: one.start)


def _intervals(removed: Iterable[Removed]) -> list[Interval]:
    return [(one.start, one.stop) for one in removed]


def _minus(removed: Iterable[Removed], others: list[Interval], side: str) -> list[Removed]:
    return [
        Removed(side, start, stop, one.call, one.score)
        for one in removed
        for start, stop in _uncovered(one.start, one.stop, others)
    ]


def _uncovered(start: int, stop: int, others: list[Interval]) -> Iterator[Interval]:
    """The parts of [start, stop) that no other interval covers; these are in order and apart."""
    for low, high in others:
        if high <= start:
            continue
        if low >= stop:
            break
        if start < low:
            yield start, low
        start = max(start, high)
    if start < stop:
        yield start, stop
