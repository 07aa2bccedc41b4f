"""The tokens of a text, and where each begins and ends."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, without specials.

    `starts`, `stops`: characters, each `(tokens,)`, ascending.
    """

    ids: Ints
    starts: Ints
    stops: Ints

    def __len__(self) -> int:
        return len(self.ids)

    def slice(self, first: int, last: int) -> "Tokens":
        """Tokens `first` to `last` (exclusive)."""
        return Tokens(self.ids[first:last], self.starts[first:last], self.stops[first:last])
