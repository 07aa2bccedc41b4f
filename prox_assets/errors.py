"""The errors of this project: each says what was wrong, where, and what to do."""

from prox_assets.redaction import redact


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
