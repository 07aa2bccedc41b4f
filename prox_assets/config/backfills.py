"""What is refined by itself: when, how much of it, and what is tried again."""

import re
from difflib import get_close_matches
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from prox_assets.config.section import Section

# The fields of a cron expression: their names, bounds, and the words for their numbers. Sunday is 0 and 7.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)
_CRON_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?", re.ASCII)
_LONGEST_MONTHS = {
    month: 30 if month in (4, 6, 9, 11) else 29 if month == 2 else 31 for month in range(1, 13)
}


class Nightly(Section):
    """When the schedule `nightly_refining` asks for shards, and the limits of runs that nobody waits for.

    `cron` has five fields, in `timezone`. A run above `max_hours` is ended; what it did stays. Database and
    reports follow the refined shards; with `publish` the published corpora do too.
    """

    enabled: bool = False
    cron: str = "0 2 * * *"
    timezone: str = "UTC"
    max_hours: PositiveFloat = 24.0
    publish: bool = False

    @field_validator("cron")
    @classmethod
    def _some_time(cls, cron: str) -> str:
        fields = cron.split()
        if len(fields) != len(_CRON_FIELDS):
            raise ValueError("write five fields: minute, hour, day, month, weekday")
        _, _, days, months, weekday = (
            _numbers(text, *field) for text, field in zip(fields, _CRON_FIELDS, strict=True)
        )
        if weekday == _numbers("*", *_CRON_FIELDS[-1]) and min(days) > max(
            _LONGEST_MONTHS[m] for m in months
        ):
            raise ValueError("no such month has that day; correct the third or the fourth field")
        return cron

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError):
            close = get_close_matches(timezone, available_timezones(), n=1)
            example = f"did you mean {close[0]}?" if close else "write UTC or a name such as Europe/Berlin"
            raise ValueError(f"this is no time zone that the machine knows; {example}") from None
        return timezone


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


def _numbers(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """The numbers that a field of a cron expression stands for."""
    numbers: set[int] = set()
    for part in text.split(","):
        match = _CRON_PART.fullmatch(part)
        first = _number(match[1], low, words) if match and match[1] else low
        last = _number(match[2], low, words) if match and match[2] else first if match and match[1] else high
        step = int(match[3]) if match and match[3] else 1
        if match is None or first is None or last is None or not low <= first <= last <= high or step < 1:
            spelled = f" or {words[0]} to {words[-1]}" if words else ""
            raise ValueError(
                f"the field for the {name} is wrong: write *, numbers from {low} to {high}{spelled}, "
                "ranges (1-5), steps (*/2), or several of them with commas between"
            )
        numbers.update(range(first, (high if match[3] and match[1] and not match[2] else last) + 1, step))
    return numbers


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.lower() in words:
        return words.index(text.lower()) + low
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None
