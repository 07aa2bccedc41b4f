"""The errors of this project: each says what was wrong, where, and what to do."""

import re

from prox_assets.redaction import redact

# Controls, line separators, marks that turn the direction of a line, halves of surrogate pairs.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ProxError(Exception):
    """Base of every error that a user of the pipeline can act on; the command line then exits with 1.

    Secrets in its message are masked when it is made, wherever it is printed, logged or stored later.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


class UntrustedResultError(ProxError):
    """The command ran to its end and wrote its results, and they should not be used as they are.

    Raised last, after everything was written and printed; the command line then exits with 2. The message
    gives the reason and says what to do.
    """


class CatalogueError(ProxError):
    """The catalogue file is missing, malformed, or asks for what cannot be."""


class InputError(ProxError):
    """A file given by the user cannot be read as what it was said to be."""


class StoreError(ProxError):
    """A stored shard or artifact is missing, unfinished, or of another configuration."""


class TeacherError(ProxError):
    """A teacher cannot annotate what it was asked to."""


class RefinerError(ProxError):
    """A refiner cannot be trained, loaded, or run."""


class ProgramError(ProxError):
    """The registry of calls or its settings are inconsistent. Never raised for a program's text."""


def one_line(value: object, most: int = 300) -> str:
    """Show any text, such as an error's words, on one line of a terminal, cut to `most` characters."""
    text = str(value).strip()
    shown = _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text[:most])
    return shown if len(shown) <= most and len(text) <= most else f"{shown[: most - 1]}…"
