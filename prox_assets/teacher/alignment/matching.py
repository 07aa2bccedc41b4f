"""Match the words of a rewrite to those of its source: a monotone alignment that prefers long runs.

Runs of words that are unique in both (patience diff) split the problem; what is left between two of them is
small and is solved exactly by dynamic programming. n words against m take O((n + m) log(n + m)) for the runs
and at most `MAX_CELLS` cells of numpy arrays for each gap between them. A gap that is larger stays unmatched.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prox_assets.languages import SENTENCE_BREAK

# A character is a word where words are not set apart by spaces: Thai, Lao, Khmer, Tibetan, kana, Han, Yi.
_UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u2fff\u3005-\u3007"
    r"\u3021-\u3029\u3031-\u303c\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uaa60-\uaa7f"
    r"\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_LAST_SPACED = "\u0dff"
_MARKS = r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])+|[{_UNSPACED}]")
_SENTENCE = re.compile(rf"{SENTENCE_BREAK.pattern}|\s+[|·•–—»]\s+|\t+")
_FOLDS = str.maketrans("‘’‚‛′`´“”„‟″«»‹›‐‑‒–—―−\u00a0\u3000\t", "'''''''\"\"\"\"\"\"\"''-------   ")


class Word(NamedTuple):
    """One word: its characters `[start, stop)`, how it compares, its line and its sentence in the text."""

    start: int
    stop: int
    form: str
    line: int
    sentence: int

    @property
    def is_letter(self) -> bool:
        """Whether it is a letter of an unspaced script."""
        return len(self.form) == 1 and self.form > _LAST_SPACED

    @property
    def weight(self) -> float:
        """How much a match of it says: a letter of an unspaced script and a short word say little."""
        return 0.4 if self.stop - self.start == 1 else 0.6 if self.stop - self.start < 4 else 1.0


def words_of(text: str, start: int = 0, stop: int | None = None) -> list[Word]:
    """The words of `text[start:stop]`, lines and sentences counted from 0 there; offsets are the text's."""
    words: list[Word] = []
    sentence = 0
    at = start
    for line, content in enumerate(text[start:stop].split("\n")):
        ends = [match.end() + at for match in _SENTENCE.finditer(content)]
        passed = 0
        for match in _WORD.finditer(content):
            begin = match.start() + at
            while passed < len(ends) and ends[passed] <= begin:
                passed += 1
            words.append(Word(begin, match.end() + at, _form(match.group()), line, sentence + passed))
        sentence += len(ends) + 1
        at += len(content) + 1
    return words


@lru_cache(maxsize=65_536)
def _form(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()


def folded(text: str) -> str:
    """The text with quotes, dashes and spaces alike, character by character: offsets stay."""
    return text.translate(_FOLDS)


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


Floats = npt.NDArray[np.floating[Any]]

UNMATCHED = -1
MAX_CELLS = 1_000_000
_MAX_CELLS_AT_ONCE = 4 * MAX_CELLS
_RUNS = (16, 6, 3)
_RUNS_OF_LARGE_GAPS = (2, 1)
# What a run of matches must be worth, in weights of words: at the beginning of a source line, and elsewhere.
_RUN_COST_AT_LINE, _RUN_COST = 0.5, 0.8
# What a word counts where whole lines are matched: one line of one word alone is not enough.
_LINE_WORD = 0.5
# The share of the rewrite's words in such lines from which on lines are matched at all.
_VERBATIM = 0.9
# How many words must go on matching for a run to grow into the next line.
_FOOTHOLD = 3
_MAX_SLIDE = 64


class Gap(NamedTuple):
    """Words between two matches: `[a, b)` of the source, `[c, d)` of the rewrite; one side can be empty."""

    a: int
    b: int
    c: int
    d: int


def matched(source: Sequence[Word], rewrite: Sequence[Word]) -> Ints:
    """The rewrite's word for each word of the source, or `UNMATCHED`; `(source words,)`, increasing.

    Where nearly all of the rewrite is lines of the source as they are, lines are matched first, then words.
    """
    lines = np.fromiter((word.line for word in source), np.int64, len(source))
    sentences = np.fromiter((word.sentence for word in source), np.int64, len(source))
    weights = np.fromiter((word.weight for word in source), np.float32, len(source))
    one, other = numbered([word.form for word in source], [word.form for word in rewrite])
    matching = _Matching(one, other, lines, sentences, weights)
    matching.take_lines(_lines_of(source), _lines_of(rewrite))
    return matching.solved()


def gaps(partner: Ints, rewrite_words: int) -> Iterator[Gap]:
    """Every place where one side or both have words without a partner."""
    before = c = 0
    for index in [*np.flatnonzero(partner >= 0).tolist(), len(partner)]:
        d = int(partner[index]) if index < len(partner) else rewrite_words
        if index > before or d > c:
            yield Gap(before, index, c, d)
        before, c = index + 1, d + 1


class _Matching:
    """Two sequences of numbered words (or lines), and what is matched of them so far."""

    def __init__(self, one: Ints, other: Ints, lines: Ints, sentences: Ints, weights: Floats) -> None:
        self.one, self.other = one, other
        self.lines, self.sentences, self.weights = lines, sentences, weights
        self.partner = np.full(len(one), UNMATCHED, dtype=np.int64)

    def take_lines(self, mine: Sequence[range], yours: Sequence[range]) -> None:
        """Match the words of lines that are equal, by an alignment of the lines, if most of them are."""
        one, other = numbered(
            [self.one[line.start : line.stop].tobytes() for line in mine],
            [self.other[line.start : line.stop].tobytes() for line in yours],
        )
        known = set(one.tolist())
        words = sum(len(line) for line, number in zip(yours, other.tolist(), strict=True) if number in known)
        if words < _VERBATIM * len(self.other):
            return
        places = np.arange(len(mine))
        weights = np.minimum([len(line) * _LINE_WORD for line in mine], 2.0).astype(np.float32)
        for line, partner in zip(mine, _Matching(one, other, places, places, weights).solved(), strict=True):
            if partner >= 0:
                self.partner[line.start : line.stop] = yours[partner]

    def solved(self) -> Ints:
        """The partners; where the source has all the words of the rewrite in order, each has one."""
        self._match_runs()
        if (self.partner >= 0).sum() < len(self.other) and is_within(self.other, self.one):
            self.partner[:] = UNMATCHED
            self._match_all()
        self._slide()
        return self.partner

    def _match_all(self) -> None:
        """Match every word of the rewrite: in few runs where there is room, else the first that fit."""
        if len(self.one) * len(self.other) <= _MAX_CELLS_AT_ONCE:
            self._align(Gap(0, len(self.one), 0, len(self.other)))
            return
        at = 0
        for place, word in enumerate(self.one.tolist()):
            if at < len(self.other) and word == self.other[at]:
                self.partner[place] = at
                at += 1

    def _match_runs(self) -> None:
        self._grow()
        for run in (*_RUNS, *_RUNS_OF_LARGE_GAPS):
            for gap in self._gaps():
                if run in _RUNS or (gap.b - gap.a) * (gap.d - gap.c) > MAX_CELLS:
                    self._anchor(gap, run)
            self._grow()
        for gap in self._gaps():
            if 0 < (gap.b - gap.a) * (gap.d - gap.c) <= MAX_CELLS:
                self._align(gap)

    def _gaps(self) -> list[Gap]:
        return list(gaps(self.partner, len(self.other)))

    def _anchor(self, gap: Gap, run: int) -> None:
        """Match runs of `run` words that are unique on both sides: their longest chain without crossings."""
        mine, yours = unique_runs(self.one[gap.a : gap.b], run), unique_runs(self.other[gap.c : gap.d], run)
        shared = np.intersect1d(mine[0], yours[0], assume_unique=True)
        i = mine[1][np.searchsorted(mine[0], shared)] + gap.a
        j = yours[1][np.searchsorted(yours[0], shared)] + gap.c
        order = np.argsort(i)
        i, j = i[order], j[order]
        end_i = end_j = 0
        for place in longest_increasing(j):
            first, second = int(i[place]), int(j[place])
            skip = max(end_i - first, end_j - second, 0)
            if skip and first - second != end_i - end_j:
                continue
            span = np.arange(skip, run)
            if np.array_equal(self.one[first + span], self.other[second + span]):
                self.partner[first + span] = second + span
                end_i, end_j = first + run, second + run

    def _grow(self) -> None:
        """Let runs of matches grow into the gaps beside them."""
        for a, b, c, d in self._gaps():
            room = min(b - a, d - c)
            ahead = self._foothold(
                np.arange(a, a + shared_beginning(self.one[a : a + room], self.other[c : c + room]))
            )
            self.partner[a : a + ahead] = np.arange(c, c + ahead)
            a, c, room = a + ahead, c + ahead, room - ahead
            back = shared_beginning(self.one[b - room : b][::-1], self.other[d - room : d][::-1])
            back = self._foothold(np.arange(b - 1, b - 1 - back, -1))
            self.partner[b - back : b] = np.arange(d - back, d)

    def _foothold(self, words: Ints) -> int:
        """How many of the words a run grows by: a line in which it finds only a word or two is left."""
        count = len(words)
        if not count:
            return 0
        line = self.lines[words[-1]]
        tail = int((self.lines[words] == line).sum())
        whole = tail == int(np.searchsorted(self.lines, line + 1) - np.searchsorted(self.lines, line))
        return count if tail >= _FOOTHOLD or whole or tail == count else count - tail

    def _align(self, gap: Gap) -> None:
        """The alignment of highest weight where each run of matches costs something (Gotoh's affine gaps).

        A run that goes on from the match before the gap, or into the one after it, costs nothing. Where the
        source has all the words of the rewrite, in their order, all of them are matched.
        """
        a, b, c, d = gap
        one, other, weights = self.one[a:b], self.other[c:d], self.weights[a:b]
        if is_within(other, one):  # then each word is worth more than all runs together cost
            weights = weights.astype(np.float64) + _RUN_COST * (len(other) + 1)
        starts = np.r_[True, self.lines[1:] != self.lines[:-1]][a:b]
        costs = np.where(starts, _RUN_COST_AT_LINE, _RUN_COST).astype(np.float32)
        n, m = len(one), len(other)
        run = np.full((n + 1, m + 1), -np.inf, weights.dtype)
        best = np.zeros((n + 1, m + 1), weights.dtype)
        run[0, 0] = 0.0
        for i in range(n):
            gain = np.maximum(run[i, :-1], best[i, :-1] - costs[i]) + weights[i]
            run[i + 1, 1:] = np.where(other == one[i], gain, -np.inf)
            np.maximum(best[i], run[i + 1], out=best[i + 1])
            np.maximum.accumulate(best[i + 1], out=best[i + 1])
        if b < len(self.one):
            run[n, m] += _RUN_COST
            best[n, m] = max(best[n, m], run[n, m])
        self._trace(gap, run, best, costs)

    def _trace(self, gap: Gap, run: Floats, best: Floats, costs: Floats) -> None:
        i, j = run.shape[0] - 1, run.shape[1] - 1
        while i and j:
            if best[i, j] == best[i - 1, j]:
                i -= 1
            elif best[i, j] == best[i, j - 1]:
                j -= 1
            else:
                goes_on = True
                while goes_on:
                    i, j = i - 1, j - 1
                    self.partner[gap.a + i] = gap.c + j
                    goes_on = i > 0 and j > 0 and bool(run[i, j] > best[i, j] - costs[i])

    def _slide(self) -> None:
        """Move pure deletions to where a line or a sentence begins, if the words at their ends allow it."""
        for gap in self._gaps():
            if gap.c == gap.d:
                self._slide_one(gap.a, gap.b)

    def _slide_one(self, a: int, b: int) -> None:
        left = right = 0
        while left < min(a, _MAX_SLIDE) and self._same(a - left - 1, b - left - 1):
            left += 1
        while right < min(len(self.one) - b, _MAX_SLIDE) and self._same(b + right, a + right):
            right += 1
        move = max(
            range(-left, right + 1), key=lambda by: (self._edge(a + by) + self._edge(b + by), -abs(by), by)
        )
        low, high = min(a, a + move), max(b, b + move)
        partners = self.partner[low:high][self.partner[low:high] >= 0]
        self.partner[low:high] = UNMATCHED
        self.partner[np.r_[low : a + move, b + move : high]] = partners

    def _same(self, kept: int, gone: int) -> bool:
        return bool(self.partner[kept] >= 0 and self.one[kept] == self.one[gone])

    def _edge(self, word: int) -> int:
        """How good a place before a word is to begin or end a deletion."""
        if word in (0, len(self.lines)) or self.lines[word] != self.lines[word - 1]:
            return 2
        return int(self.sentences[word] != self.sentences[word - 1])


def _lines_of(words: Sequence[Word]) -> list[range]:
    """The words of each line that has any."""
    starts = [place for place, word in enumerate(words) if not place or word.line != words[place - 1].line]
    return [range(*pair) for pair in pairwise([*starts, len(words)])]
