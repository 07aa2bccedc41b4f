"""A program as a value: the calls that were read and the ones that were refused."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from prox_assets.programs.codes import Refused

Value = int | str | bool
Arguments = tuple[Value, ...]


class Stage(StrEnum):
    """Where a program is for: a whole document, or one chunk of it."""

    DOCUMENT = "document"
    CHUNK = "chunk"


class Call(NamedTuple):
    """One call by its registered name, with the arguments in the order of its form.

    `form` counts the ways the registry lets the call be written.
    """

    name: str
    arguments: Arguments = ()
    form: int = 0


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
