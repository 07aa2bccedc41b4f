"""The guard rails: what programs may do to a document, as configuration."""

from dataclasses import dataclass
from enum import StrEnum


class Boundary(StrEnum):
    """Where `normalize` may match: at word boundaries, or anywhere."""

    WORD = "word"
    ANYWHERE = "anywhere"


class Beyond(StrEnum):
    """What happens to a document whose programs remove more than the rail allows."""

    RESTORE = "restore"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Rails:
    """Limits in characters of the source, never in words, so that they hold in every script.

    `max_removed_share` is of a document, `max_chunk_removed_share` of one chunk; `max_added_share` bounds
    the net growth by replacements. A document that was changed and has fewer than `min_kept_chars` visible
    characters left is emptied; an unchanged one never is, however short. `normalize` is refused as
    ambiguous with more than `max_matches` matches in its chunk (1 asks for a single match).
    """

    max_removed_share: float = 0.95
    max_chunk_removed_share: float = 1.0
    max_added_share: float = 0.05
    min_kept_chars: int = 10
    max_matches: int = 100
    max_calls: int = 500
    boundary: Boundary = Boundary.WORD
    beyond: Beyond = Beyond.RESTORE
