"""What the linear baselines see of a line and of a document: hashed n-grams, shape, place, neighbours."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from prox_assets.languages import CLOSING_MARKS, SENTENCE_END

Matrix = Any
"""A scipy CSR matrix, `(rows, columns)`; scipy has no types."""

_BITS = 18
_MOST_CHARACTERS = 600
_NEIGHBOURS = (-2, -1, 1, 2)
_ENDS_SENTENCE = re.compile(rf"{SENTENCE_END.pattern}|…[{CLOSING_MARKS}]*$")
_LENGTHS = (2, 4, 8, 16, 32, 64, 128, 256, 512)
_PLACES = 10


class LineFeatures:
    """The features of all lines of a document at once: those of the line and of two lines on either side.

    Blocks: word 1- and 2-grams and character 2- to 5-grams of the line, word 1- and 2-grams of each
    neighbour, and the shape of all five (length, digits, capitals, punctuation, whether it ends a
    sentence, how often the page repeats it) with the place in the page. A long line is read up to 600
    characters.
    """

    def __init__(self) -> None:
        self._words = _hashing("word", (1, 2), r"\w+|[^\w\s]")
        self._characters = _hashing("char_wb", (2, 5), None)

    def __call__(self, documents: Iterable[Sequence[str]]) -> Matrix:
        """One row for each line of each document, in order, `(lines, features)`; one at least."""
        from scipy.sparse import csr_matrix, hstack

        found = [list(lines) for lines in documents]
        lines = [line[:_MOST_CHARACTERS] for document in found for line in document]
        words = self._words.transform(lines)
        around = [_shifted(words, [len(document) for document in found], by) for by in _NEIGHBOURS]
        shape = csr_matrix(np.concatenate([_with_neighbours(_shapes(document)) for document in found]))
        return hstack([words, self._characters.transform(lines), *around, shape], format="csr")


class DocumentFeatures:
    """The features of a whole document: n-grams of its text, and the mean shape of its lines."""

    def __init__(self) -> None:
        self._words = _hashing("word", (1, 2), r"\w+|[^\w\s]")
        self._characters = _hashing("char_wb", (2, 4), None)

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """One row for each text, `(documents, features)`."""
        from scipy.sparse import csr_matrix, hstack

        shapes = np.array([_shapes(text.split("\n")).mean(axis=0) for text in texts])
        lengths = np.array([[math.log1p(len(text)), math.log1p(text.count("\n"))] for text in texts]) / 10
        dense = csr_matrix(np.hstack([shapes, lengths]).astype(np.float32))
        return hstack([self._words.transform(texts), self._characters.transform(texts), dense], format="csr")


def _hashing(analyzer: str, lengths: tuple[int, int], pattern: str | None) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer=analyzer,
        ngram_range=lengths,
        token_pattern=pattern,
        n_features=2**_BITS,
        alternate_sign=False,
        dtype=np.float32,
    )


def _shifted(rows: Matrix, sizes: Sequence[int], by: int) -> Matrix:
    """Every line's row replaced by that of the line `by` further down its document; zeros past its ends."""
    from scipy.sparse import csr_matrix

    number = np.arange(rows.shape[0])
    first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    last = first + np.repeat(sizes, sizes) - 1
    there = number + by
    inside = (there >= first) & (there <= last)
    keep = csr_matrix(
        (np.ones(int(inside.sum()), dtype=np.float32), (number[inside], there[inside])),
        shape=(rows.shape[0], rows.shape[0]),
    )
    return keep @ rows


def _shapes(lines: Sequence[str]) -> npt.NDArray[np.float32]:
    """The shape of every line of a document, `(lines, shapes)`."""
    often = Counter(line.strip() for line in lines)
    return np.array(
        [
            _shape(line.strip(), often[line.strip()]) + _place(index, len(lines))
            for index, line in enumerate(lines)
        ],
        dtype=np.float32,
    )


def _shape(line: str, repeats: int) -> list[float]:
    size = max(len(line), 1)
    words = line.split()
    return [
        *(float(len(line) >= limit) for limit in _LENGTHS),
        math.log1p(len(line)) / 5,
        math.log1p(len(words)) / 4,
        sum(character.isdigit() for character in line) / size,
        sum(character.isupper() for character in line) / size,
        sum(not (character.isalnum() or character.isspace()) for character in line) / size,
        sum(word[:1].isupper() for word in words) / max(len(words), 1),
        float(bool(_ENDS_SENTENCE.search(line))),
        float(line[:1].islower()),
        float("http" in line or "www." in line),
        float(not line),
        math.log(repeats) / 2,
        1.0,
    ]


def _place(index: int, count: int) -> list[float]:
    tenth = index * _PLACES // count
    ends = [math.exp(-index / 2), math.exp(-(count - 1 - index) / 2), math.log1p(count) / 6]
    return [*(float(tenth == place) for place in range(_PLACES)), *ends]


def _with_neighbours(shapes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    count = len(shapes)
    parts = [shapes]
    for by in _NEIGHBOURS:
        moved = np.zeros_like(shapes)
        source = slice(max(by, 0), count + min(by, 0))
        moved[max(-by, 0) : count - max(by, 0)] = shapes[source]
        parts.append(moved)
    return np.hstack(parts)
