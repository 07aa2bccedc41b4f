"""Sequences of numbered things: what alignment asks of them."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def numbered(one: Sequence[Hashable], other: Sequence[Hashable]) -> tuple[Ints, Ints]:
    """The same number for the same thing."""
    numbers = {item: number for number, item in enumerate(dict.fromkeys((*one, *other)))}
    first, second = ([numbers[item] for item in part] for part in (one, other))
    return np.array(first, np.int64), np.array(second, np.int64)


def is_within(part: Ints, whole: Ints) -> bool:
    """Whether all words of one sequence stand in the other in the same order."""
    left = iter(whole.tolist())
    return all(word in left for word in part.tolist())


def shared_beginning(one: Ints, other: Ints) -> int:
    """How many words two sequences of one length begin with in common."""
    different = np.flatnonzero(one != other)
    return int(different[0]) if len(different) else len(one)


def unique_runs(ids: Ints, run: int) -> tuple[npt.NDArray[np.uint64], Ints]:
    """The hashes of the runs of words that occur once, sorted, and where each begins."""
    if len(ids) < run:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes = np.zeros(len(ids) - run + 1, np.uint64)
    for offset in range(run):
        piece = ids[offset : offset + len(hashes)].astype(np.uint64)
        hashes = (hashes ^ (piece + np.uint64(1))) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(29)
    values, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    return values[counts == 1], first[counts == 1].astype(np.int64)


def longest_increasing(values: Ints) -> list[int]:
    """The places of a longest increasing subsequence of distinct values (patience sorting)."""
    tops: list[int] = []
    top_places: list[int] = []
    before: list[int] = []
    for place, value in enumerate(values.tolist()):
        pile = bisect_left(tops, value)
        before.append(top_places[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [value]
        top_places[pile : pile + 1] = [place]
    chain: list[int] = []
    place = top_places[-1] if top_places else -1
    while place >= 0:
        chain.append(place)
        place = before[place]
    return chain[::-1]
