"""Arrays over the characters of a text: types, and where its visible characters are."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SPACE_LIMIT = 0x3001
_IS_SPACE = np.array([chr(code).isspace() for code in range(_SPACE_LIMIT)])


def visible(text: str) -> Bools:
    """For every character whether it is not white space (`str.isspace`), `(characters,)`."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    result: Bools = ~_IS_SPACE[np.minimum(codes, _SPACE_LIMIT - 1)] | (codes >= _SPACE_LIMIT)
    return result


def next_visible(shown: Bools) -> Ints:
    """For every position the first visible one at or after it, `(characters + 1,)`; the length if none is."""
    length = len(shown)
    positions = np.append(np.where(shown, np.arange(length), length), length)
    result: Ints = np.minimum.accumulate(positions[::-1])[::-1]
    return result


def covered(length: int, spans: Sequence[tuple[int, int]]) -> Bools:
    """For every character whether a span holds it, `(length,)`."""
    mask = np.zeros(length, dtype=np.bool_)
    for start, stop in spans:
        mask[start:stop] = True
    return mask
