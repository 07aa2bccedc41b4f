"""More rounds of teaching, on what the refiners get wrong."""

from pydantic import Field, NonNegativeInt, PositiveInt

from prox_assets.config.section import Section


class HardExamples(Section):
    """Up to `rounds` rounds (none unless asked for), as LLM2LLM has them.

    Each looks at `pool` fresh documents and gives the `size` on which refiners and teacher disagree most to
    training. A round that lifts neither refiner's validation F1 by `min_gain` is the last; a negative
    one lets rounds go on through a fall.
    """

    rounds: NonNegativeInt = 0
    pool: PositiveInt = 1_000
    size: PositiveInt = 200
    min_gain: float = Field(default=0.002, ge=-1, le=1)
