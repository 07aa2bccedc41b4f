"""A program as a value: the calls that were read and the ones that were refused."""

from dataclasses import dataclass, field
from enum import StrEnum

from prox_assets.programs.codes import Refused

Value = int | str | bool
Arguments = tuple[Value, ...]


class Stage(StrEnum):
    """Where a program is for: a whole document, or one chunk of it."""

    DOCUMENT = "document"
    CHUNK = "chunk"


@dataclass(frozen=True, slots=True)
class Call:
    """One call by its registered name, with the arguments in the order of its form.

    `form` counts the ways the registry lets the call be written. `at` is the character position in the
    program's text, -1 for a call that was built rather than read; it takes no part in comparison.
    """

    name: str
    arguments: Arguments = ()
    form: int = 0
    at: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was not believed: its name as written, why, and the character position in the text."""

    call: str
    code: Refused
    at: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """The calls of one document or chunk in the order they were written."""

    calls: tuple[Call, ...] = ()
    refusals: tuple[Refusal, ...] = ()
