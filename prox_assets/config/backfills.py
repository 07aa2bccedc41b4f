"""What is refined by itself: when, how much of it, and what is tried again."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from prox_assets.config.section import Section

_FIELDS = 5


class Nightly(Section):
    """When the schedule `nightly_refining` asks for shards, and the limits of runs that nobody waits for.

    `cron` has five fields, in `timezone`. A run above `max_hours` is ended; what it did stays.
    """

    enabled: bool = False
    cron: str = "0 2 * * *"
    timezone: str = "UTC"
    max_hours: PositiveFloat = 24.0

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str) -> str:
        if len(cron.split()) != _FIELDS:
            raise ValueError("use five fields: minute, hour, day, month, weekday")
        return cron


class Backfill(Section):
    """How much of a domain one night may refine.

    The budget is `max_shards`, and `gpu_hours` by what the shards before cost; the first to be spent ends it.
    A run is given at most `shards_per_run`. A shard that failed is asked for again on later nights, in all
    `max_attempts` times. `refine_again`: shards refined with another refiner or other thresholds than the
    present ones are asked for too, after the missing ones.
    """

    enabled: bool = True
    order: Literal["newest_first", "oldest_first"] = "newest_first"
    max_shards: PositiveInt = 200
    gpu_hours: PositiveFloat | None = None
    shards_per_run: PositiveInt = 50
    max_attempts: Annotated[int, Field(ge=1)] = 3
    refine_again: bool = False
