"""Why a file is no shard, or not yet."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """What keeps a file from being read. docs/storage.md says what to do about each."""

    UNKNOWN_KIND = "unknown_kind"
    HIDDEN = "hidden"
    FOLDER = "folder"
    NO_NAME = "no_name"
    SAME_NAME = "same_name"
    EMPTY = "empty"
    SETTLING = "settling"
    WAITING = "waiting"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    UNSPLITTABLE = "unsplittable"
    CHANGED = "changed"
    READ_ALREADY = "read_already"
    FAILED = "failed"


#: These pass by themselves, or are nobody's mistake.
HARMLESS = frozenset(
    {
        Reason.UNKNOWN_KIND,
        Reason.HIDDEN,
        Reason.FOLDER,
        Reason.EMPTY,
        Reason.SETTLING,
        Reason.WAITING,
    }
)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a whole input, that gives no shard now. `shard` is the name that it would have."""

    place: str
    reason: Reason
    detail: str
    shard: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason.value}: {self.detail}"


def printable(name: str) -> str:
    """Show a file's name on one line of any terminal: bytes that are no UTF-8, and controls, as escapes."""
    if name.isprintable():
        return name
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "backslashreplace")
    shown = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Zl", "Zp")
        else character
        for character in shown
    )
