"""A program as a value: calls that were read, calls that were refused, and the code of each answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What became of a call that was read; only `APPLIED` changes text."""

    APPLIED = "applied"
    KEPT = "kept"
    DROPPED = "dropped"
    NO_MATCH = "no_match"
    INSIDE_WORD = "inside_word"
    AMBIGUOUS = "ambiguous"
    UNCHANGED = "unchanged"
    OUT_OF_RANGE = "out_of_range"
    REVERSED = "reversed"
    NOT_OWNED = "not_owned"
    REPEATED = "repeated"
    COVERED = "covered"
    OVERLAPS = "overlaps"
    OVER_GUARD_RAIL = "over_guard_rail"
    TOO_MANY_CALLS = "too_many_calls"
    IGNORED = "ignored"


class Refused(StrEnum):
    """Why a call in a program's text was not read as a call."""

    CUT_OFF = "cut_off"
    UNKNOWN_CALL = "unknown_call"
    DISABLED = "disabled"
    UNSUPPORTED = "unsupported"
    WRONG_STAGE = "wrong_stage"
    NOT_LITERAL = "not_literal"
    BAD_STRING = "bad_string"
    WRONG_TYPE = "wrong_type"
    OUT_OF_BOUNDS = "out_of_bounds"
    BLANK_STRING = "blank_string"
    TOO_LONG = "too_long"
    MISSING_ARGUMENT = "missing_argument"
    UNKNOWN_ARGUMENT = "unknown_argument"
    REPEATED_ARGUMENT = "repeated_argument"
    TOO_MANY_ARGUMENTS = "too_many_arguments"
    UNKNOWN_FORM = "unknown_form"


class Verdict(StrEnum):
    """What a document program amounts to."""

    KEEP = "keep_doc"
    DROP = "drop_doc"
    CONTRADICTORY = "contradictory"
    NO_DECISION = "no_decision"


class Status(StrEnum):
    """What became of a document when its chunk programs ran."""

    KEPT = "kept"
    EMPTIED = "emptied"


class Reason(StrEnum):
    """Why a document was kept whole or emptied by a rule; empty where no rule stepped in."""

    NONE = ""
    OVER_GUARD_RAIL = "over_guard_rail"
    OVER_REMOVED = "over_removed"
    TOO_SHORT = "too_short"
    NOTHING_LEFT = "nothing_left"
    REPETITIVE = "repetitive_program"
    RELEASED_RULE = "released_rule"
    DIVISION_BY_ZERO = "division_by_zero"


MEANINGS: dict[str, str] = {
    Outcome.APPLIED: "it changed the text at the recorded place",
    Outcome.KEPT: "it asks for no change",
    Outcome.DROPPED: "it asks for the document to be left out",
    Outcome.NO_MATCH: "its string is not in the chunk (or line)",
    Outcome.INSIDE_WORD: "its string stands only inside of longer words",
    Outcome.AMBIGUOUS: "its string stands there more often than allowed",
    Outcome.UNCHANGED: "source and target are the same",
    Outcome.OUT_OF_RANGE: "a line it names was not shown with the chunk",
    Outcome.REVERSED: "its last line comes before its first",
    Outcome.NOT_OWNED: "its lines are context and belong to the chunk before",
    Outcome.REPEATED: "the same call stands earlier in the program",
    Outcome.COVERED: "another call has removed or replaced this place already",
    Outcome.OVERLAPS: "another call has changed part of this place",
    Outcome.OVER_GUARD_RAIL: "together the programs would remove or add too much, so nothing was done",
    Outcome.TOO_MANY_CALLS: "it comes after the allowed number of calls",
    Outcome.IGNORED: "it means nothing beside the other calls",
    Refused.CUT_OFF: "the text ends before the call does",
    Refused.UNKNOWN_CALL: "no call has this name",
    Refused.DISABLED: "the call exists but is off",
    Refused.UNSUPPORTED: "another system's call that this one never does",
    Refused.WRONG_STAGE: "a call for documents in a chunk's program, or the other way round",
    Refused.NOT_LITERAL: "an argument is not a string, an integer, True or False",
    Refused.BAD_STRING: "a string does not close on its line, or has an escape that stands for no character",
    Refused.WRONG_TYPE: "an argument is of another type",
    Refused.OUT_OF_BOUNDS: "a number is negative or absurdly large",
    Refused.BLANK_STRING: "a string without a visible character",
    Refused.TOO_LONG: "a string over the parameter's length",
    Refused.MISSING_ARGUMENT: "an argument is missing",
    Refused.UNKNOWN_ARGUMENT: "no parameter has this name",
    Refused.REPEATED_ARGUMENT: "an argument is given twice",
    Refused.TOO_MANY_ARGUMENTS: "more arguments than parameters",
    Refused.UNKNOWN_FORM: "a text or a line that does not read as a call, such as another system's `rm 3-7`",
}


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
