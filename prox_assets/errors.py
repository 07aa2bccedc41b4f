"""The errors of this project, and every error as one line: what was wrong, where, and what to do."""

import errno
import os
import re

from prox_assets.redaction import redact

_LONGEST_MESSAGE = 1_000  # characters
_SPACE = re.compile(r"\s+")

_REMEDIES = {
    errno.ENOSPC: "no space is left on its device; free space or name another folder, then run again",
    errno.EDQUOT: "the disk quota is used up; free space or name another folder, then run again",
    errno.EFBIG: "a file became larger than the limit of the file system or of this process (ulimit -f)",
    errno.EROFS: "the file system is mounted read-only; name a folder that can be written",
    errno.EACCES: "permission denied; change its permissions, or run as a user who may use it",
    errno.EPERM: "operation not permitted; change its owner, or name another folder",
    errno.ENOENT: "no such file or folder; correct the path, or put the file back",
    errno.ENOTDIR: "a part of this path is a file, not a folder; correct the path, or move that file",
    errno.EISDIR: "this is a folder where a file is needed; correct the path",
    errno.EEXIST: "this exists already; remove it, or name another path",
    errno.ENOTEMPTY: "this folder is not empty; empty it, or name another one",
    errno.ENAMETOOLONG: "this name is too long for the file system; shorten the path",
    errno.EIO: "the device reports an input/output error; check the disk or the mount, then run again",
    errno.ESTALE: "the network mount lost this file; mount it again, then run again",
    errno.EMFILE: "this process has too many open files; raise the limit (ulimit -n), then run again",
    errno.ENFILE: "the system has too many open files; close other programs, then run again",
    errno.ENOMEM: "the system is out of memory; close other programs, then run again",
    errno.EXDEV: "this is on another file system than its folder; keep both on one",
    errno.ELOOP: "its symbolic links form a circle; correct them",
    errno.EBUSY: "another program uses this; wait until it is done, then run again",
    errno.EAGAIN: "the resource is busy; wait a while, then run again",
    errno.ETIMEDOUT: "the connection timed out; check the network, then run again",
    errno.ECONNREFUSED: "the connection was refused; check that the server runs, then run again",
    errno.ECONNRESET: "the connection was closed; check the network, then run again",
    errno.ENETUNREACH: "the network is unreachable; check the connection, then run again",
    errno.EHOSTUNREACH: "the host is unreachable; check the network, then run again",
}


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
    """Show any text, such as an error's words, on one line of a terminal, a log or the UI.

    White space is collapsed, characters that cannot be printed and halves of surrogate pairs are written as
    escapes, and of more than `most` characters the middle is left out.
    """
    text = str(value)
    if len(text) > 4 * most:
        text = f"{text[: 2 * most]} {text[-2 * most :]}"
    line = _SPACE.sub(" ", text).strip()
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    if len(line) <= most:
        return line
    tail = (most - 1) // 3
    return f"{line[: most - 1 - tail]}…{line[-tail:]}"


def explanation(error: BaseException) -> str | None:
    """Explain in one line what a person, a disk or a machine caused; None for what nobody expects.

    Trying again does not mend such an error: a person has to act first.
    """
    if isinstance(error, ProxError):
        return one_line(error, _LONGEST_MESSAGE)
    if isinstance(error, OSError):
        return one_line(redact(_os_error(error)), _LONGEST_MESSAGE)
    if isinstance(error, MemoryError):
        return (
            "the memory of this machine is used up; close other programs, or lower inference.rows_per_commit "
            "and inference.workers in the catalogue, then run again: what is committed stays."
        )
    if isinstance(error, RecursionError):
        return "a value is nested too deeply to be read; correct the file that was read last."
    return None


def described(error: BaseException) -> str:
    """Describe any error in one line: by its explanation, else by its type and its own words."""
    return explanation(error) or one_line(redact(f"{type(error).__name__}: {error}"), _LONGEST_MESSAGE)


def _os_error(error: OSError) -> str:
    paths = [os.fsdecode(path) for path in (error.filename, error.filename2) if isinstance(path, str | bytes)]
    where = f"{' and '.join(paths)}: " if paths else ""
    said = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        return f"{where}{said}; check the path and its device, then run again."
    if not paths and said != os.strerror(error.errno or 0):
        where = f"{said}: "
    return f"{where}{remedy}."
