"""Whom a domain's teacher is compared with."""

from pydantic import Field, NonNegativeInt, PositiveInt

from prox_assets.config.section import Section
from prox_assets.config.teachers import AnyTeacher


class Agreement(Section):
    """Teachers that annotate the first `sample` seeds too, and more runs of the domain's own teacher.

    People take part as a `labels` teacher. Nobody is compared unless asked for.
    """

    compare: tuple[AnyTeacher, ...] = Field(default=())
    repeats: NonNegativeInt = 0
    sample: PositiveInt = 200
