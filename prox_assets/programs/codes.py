"""The closed lists of answers a call can get: statistics keys, so they never change meaning."""

from enum import StrEnum


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
    """Why a guard rail stepped in for a whole document; empty where none did."""

    NONE = ""
    OVER_GUARD_RAIL = "over_guard_rail"
    OVER_REMOVED = "over_removed"
    TOO_SHORT = "too_short"
