"""The guard rails: what programs may do to a document, as configuration."""

import math
from dataclasses import dataclass
from enum import StrEnum

from prox_assets.errors import ProgramError


class Boundary(StrEnum):
    """Where `normalize` may match: at word boundaries, or anywhere."""

    WORD = "word"
    ANYWHERE = "anywhere"


class Beyond(StrEnum):
    """What happens to a document or a chunk whose programs remove more than its rail allows.

    `EMPTY` removes all of it: what the programs leave of such a page is not worth keeping either. `RESTORE`
    takes the edits back and keeps it whole, so a program that removes less may leave less.
    """

    RESTORE = "restore"
    EMPTY = "empty"


class PastEnd(StrEnum):
    """What happens to a range of lines that ends past its chunk: the call is refused or the range clipped."""

    REFUSE = "refuse"
    CLIP = "clip"


@dataclass(frozen=True, slots=True)
class Rails:
    """Limits in characters of the source, never in words, so that they hold in every script.

    `max_removed_share` is of a document, `max_chunk_removed_share` of one chunk; `max_added_share` bounds
    the net growth by replacements, beyond which nothing is done. A document that was changed and has fewer
    than `min_kept_chars` visible characters left is emptied; an unchanged one never is, however short.
    `normalize` is refused as ambiguous with more than `max_matches` matches in its chunk (1 asks for a single
    match). Of a program that a model generated, the first `max_calls` calls are executed; calls with scores
    are not counted, for a scoring refiner makes one a run of lines and one a span at most.

    `boundary`, `beyond` and `past_end` may be given by name. Raises ProgramError for what is no limit.
    """

    max_removed_share: float = 0.95
    max_chunk_removed_share: float = 1.0
    max_added_share: float = 0.05
    min_kept_chars: int = 10
    max_matches: int = 100
    max_calls: int = 500
    boundary: Boundary = Boundary.WORD
    beyond: Beyond = Beyond.EMPTY
    past_end: PastEnd = PastEnd.REFUSE

    def __post_init__(self) -> None:
        for name in ("max_removed_share", "max_chunk_removed_share", "max_added_share"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or math.isnan(value) or value < 0:
                raise ProgramError(f"rails: {name} is {value!r}; use a number from 0 on")
        for name, least in (("min_kept_chars", 0), ("max_matches", 1), ("max_calls", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ProgramError(f"rails: {name} is {value!r}; use a whole number from {least} on")
        for name, kind in (("boundary", Boundary), ("beyond", Beyond), ("past_end", PastEnd)):
            value = getattr(self, name)
            if value not in list(kind):
                raise ProgramError(f"rails: {name} is {value!r}; use {' or '.join(kind)}")
            object.__setattr__(self, name, kind(value))

    @property
    def matching(self) -> tuple[Boundary, int]:
        """What decides where the string of a `normalize` matches."""
        return self.boundary, self.max_matches
