"""Which words of the source a rewrite leaves out: those it keeps neither here nor elsewhere nor reworded."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, pairwise
from math import log

import numpy as np
import numpy.typing as npt

from prox_assets.teacher.alignment.matching import Gap, gaps
from prox_assets.teacher.alignment.sequences import Ints
from prox_assets.teacher.alignment.words import Word

Bools = npt.NDArray[np.bool_]

# A piece of the source stays when this share of it stands in what the rewrite has in its place.
_SAME_CONTENT = 0.3
# ... or when this share of its runs of three words stands in what the rewrite has and nothing accounts for.
_MOVED = 0.5
_RUNS = (1, 2, 3)
_RUN = _RUNS[-1]
# Words of the rewrite that nothing accounts for stand for a piece of up to so many times, and then so many,
# more or fewer words.
_STRETCH, _SLACK = 3.0, 3
_MOST_NEW_SENTENCES = 100
# Pieces that fit nearly as well as the best one stay too; the distance is of length (logarithm) and place.
_AS_GOOD = 0.25
# A sentence that loses this share of its words in at least so many places was shortened, not cleaned.
_SHORTENED_PLACES, _SHORTENED_SHARE = 3, 0.25
_STEM = 4


def left_out(source: Sequence[Word], rewrite: Sequence[Word], partner: Ints) -> Bools:
    """Tell for each word of the source whether it goes, `(source words,)`.

    `partner` is what `matched` says. Where the rewrite has words of its own, the source's words beside them
    may be kept in other words: they stay if they look alike, if they are part of a sentence that stays, or
    if nothing else accounts for the rewrite's words.
    """
    return _Deciding(source, rewrite, partner).decided()


class _Deciding:
    def __init__(self, source: Sequence[Word], rewrite: Sequence[Word], partner: Ints) -> None:
        self.source, self.rewrite = source, rewrite
        self.goes: Bools = np.asarray(partner < 0)
        self.gaps = list(gaps(partner, len(rewrite)))
        self.own = {index for gap in self.gaps for index in range(gap.c, gap.d)}
        self.own_runs = {
            run for gap in self.gaps for size in _RUNS for run in _runs(_forms(rewrite[gap.c : gap.d]), size)
        }
        self.source_runs = set(_runs(_forms(source), _RUN)) if self.own else set()
        self.sentences: dict[int, list[int]] = {}
        for index, word in enumerate(source):
            self.sentences.setdefault(word.sentence, []).append(index)

    def decided(self) -> Bools:
        touched = self._shortened()
        if self.own:
            for gap in self.gaps:
                touched |= self._reworded(gap)
                self._keep_alike(gap)
        for sentence in touched:
            words = self.sentences[sentence]
            if not self.goes[words].all():
                self.goes[words] = False
        return self.goes

    def _reworded(self, gap: Gap) -> set[int]:
        """The sentences of the source that go on into words that the rewrite has of its own."""
        a, b, c, d = gap
        if c == d:
            return set()
        source, rewrite = self.source, self.rewrite
        found = set()
        if a and (_together(source, a - 1, a, b) or _together(rewrite, c - 1, c, d)):
            found.add(source[a - 1].sentence)
        if b < len(source) and (_together(source, b, b - 1, b, a) or _together(rewrite, d, d - 1, d, c)):
            found.add(source[b].sentence)
        return found

    def _keep_alike(self, gap: Gap) -> None:
        """Keep the pieces that stand elsewhere in the rewrite, look like what stands here, or must be it."""
        a, b, c, d = gap
        here = set(_grams(self.rewrite[c:d]))
        pieces = list(_pieces(self.source, a, b))
        gone = []
        for piece in pieces:
            words = self.source[piece.start : piece.stop]
            alike = _share(_grams(words), here) >= _SAME_CONTENT
            if alike or self._moved(words) or self._inside_reworded_line(piece, gap):
                self.goes[piece.start : piece.stop] = False
            else:
                gone.append(piece)
        there = set(_grams(self.source[a:b]))
        new = [piece for piece in _pieces(self.rewrite, c, d) if self._unaccounted(piece, there)]
        if len(new) > _MOST_NEW_SENTENCES:
            self.goes[a:b] = False
        else:
            for piece in new:
                self._keep_one(gone, piece, gap)

    def _moved(self, words: Sequence[Word]) -> bool:
        return _share(_runs(_forms(words), _RUN), self.own_runs) >= _MOVED

    def _inside_reworded_line(self, piece: range, gap: Gap) -> bool:
        """Whether a piece is of a line that stays, and the rewrite goes on there in words enough for it."""
        line = self.source[piece.start].line
        beside = [index for index in (gap.a - 1, gap.b) if 0 <= index < len(self.source)]
        stays = any(self.source[index].line == line for index in beside)
        own = gap.d - gap.c
        return stays and own > 0 and len(piece) <= _STRETCH * own + _SLACK

    def _unaccounted(self, piece: range, there: set[str]) -> bool:
        """Whether words that only the rewrite has are a sentence of their own that nothing resembles."""
        words = self.rewrite[piece.start : piece.stop]
        if not _whole_sentence(self.rewrite, piece):
            return False
        known = _share(_runs(_forms(words), _RUN), self.source_runs) >= _MOVED
        return not known and _share(_grams(words), there) < _SAME_CONTENT

    def _keep_one(self, gone: list[range], said: range, gap: Gap) -> None:
        """Keep the piece that is nearest to what the rewrite says, by length and by place, and its equals."""
        place = (said.start + said.stop - 2 * gap.c) / (gap.d - gap.c)
        distances = {
            piece: abs(log(len(piece) / len(said)))
            + abs((piece.start + piece.stop - 2 * gap.a) / (gap.b - gap.a) - place) / 2
            for piece in gone
            if len(said) / _STRETCH - _SLACK <= len(piece) <= len(said) * _STRETCH + _SLACK
        }
        nearest = min(distances.values(), default=0.0)
        for piece, distance in distances.items():
            if distance <= nearest + _AS_GOOD:
                self.goes[piece.start : piece.stop] = False
                gone.remove(piece)

    def _shortened(self) -> set[int]:
        """The sentences that lose many of their words here and there."""
        found = set()
        for sentence, words in self.sentences.items():
            lost = self.goes[words]
            places = sum(1 for goes, _ in groupby(lost.tolist()) if goes)
            if places >= _SHORTENED_PLACES and lost.mean() >= _SHORTENED_SHARE:
                found.add(sentence)
        return found


def _together(words: Sequence[Word], known: int, next_to_it: int, stop: int, start: int = 0) -> bool:
    """Whether the words beside a match, if there are any, belong to its sentence."""
    return start <= next_to_it < stop and words[known].sentence == words[next_to_it].sentence


def _pieces(words: Sequence[Word], start: int, stop: int) -> Iterator[range]:
    """The words of a range, a piece a sentence."""
    for _, group in groupby(range(start, stop), key=lambda index: words[index].sentence):
        indexes = list(group)
        yield range(indexes[0], indexes[-1] + 1)


def _whole_sentence(words: Sequence[Word], piece: range) -> bool:
    sentence = words[piece.start].sentence
    before = piece.start > 0 and words[piece.start - 1].sentence == sentence
    return not before and (piece.stop == len(words) or words[piece.stop].sentence != sentence)


def _forms(words: Sequence[Word]) -> list[str]:
    return [word.form for word in words]


def _runs(forms: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """All runs of `size` words; the whole where there are fewer."""
    if len(forms) <= size:
        return [tuple(forms)] if forms else []
    return list(zip(*(forms[start:] for start in range(size)), strict=False))


def _grams(words: Sequence[Word]) -> list[str]:
    """What two wordings of one thing share: beginnings of words, and pairs of letters in unspaced scripts."""
    grams = [word.form[:_STEM] for word in words if not word.is_letter]
    return grams + [
        one.form + other.form for one, other in pairwise(words) if one.is_letter and other.is_letter
    ]


def _share(found: Sequence[object], among: Collection[object]) -> float:
    return sum(item in among for item in found) / len(found) if found else 0.0
