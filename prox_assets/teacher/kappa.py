"""Cohen's kappa: how far two judges agree beyond what chance gives."""

from collections.abc import Hashable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Weights(StrEnum):
    """What a disagreement costs: the same always (Cohen 1960), or the square of the distance (Cohen 1968)."""

    EQUAL = "equal"
    QUADRATIC = "quadratic"


def confusion(
    one: Sequence[Hashable], other: Sequence[Hashable], values: Sequence[Hashable]
) -> npt.NDArray[np.int64]:
    """How often the judges gave each pair of values, `(values, values)`; rows are the first judge's."""
    places = {value: place for place, value in enumerate(values)}
    table = np.zeros((len(values), len(values)), np.int64)
    for mine, yours in zip(one, other, strict=True):
        table[places[mine], places[yours]] += 1
    return table


def cohen_kappa(table: npt.NDArray[np.int64], weights: Weights = Weights.EQUAL) -> float | None:
    """Kappa of a confusion table: 1 for full agreement, 0 for chance, below 0 for less than that.

    The values of a quadratic kappa are taken to be equally far apart. None where it is not defined: nothing
    was judged, or both judges gave one and the same value throughout.
    """
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(total, 1)
    places = np.arange(len(table))
    distance = np.abs(places[:, None] - places[None, :])
    cost = distance**2 if weights is Weights.QUADRATIC else (distance > 0).astype(np.int64)
    by_chance = float((cost * expected).sum())
    return None if by_chance == 0 else 1.0 - float((cost * table).sum()) / by_chance
