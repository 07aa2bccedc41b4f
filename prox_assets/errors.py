"""The errors of this project, every error as one line, and the secrets that no line may hold.

A secret is known by its value, where a variable of the environment holds it, or by its shape: credentials in
a URL, signed query parameters, and the tokens that cloud providers and model hubs issue.
"""

import base64
import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = 6  # characters; shorter values of variables are words such as "true" and "EMPTY"
_SHORTEST_CONFIGURED = 12  # shorter values may stand in a configured text by chance
_SHORTEST_LINE = 16  # characters of one line of a value that has several, such as a private key

_SECRET_WORD = r"(?:KEY|SECRET|TOKEN|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?"
_SECRET_NAME = re.compile(rf"{_SECRET_WORD}(?=_|$)(?!_(?:FILE|PATH|DIR|URL|URI|NAME)$)", re.IGNORECASE)
_SECRET_PARAMETER = (
    r"(?:[\w.-]{0,40}(?:secret|token|passw(?:or)?d|signature|credential|api[-_]?key|access[-_]?key)[\w.-]{0,40}"
    r"|sig|key|auth)"
)
_PORT = r"\d{1,5}(?:[/\s]|$)"
_USERINFO = re.compile(
    rf"://(?:[^\s/@\"'<>]{{1,200}}|[^\s/@:\"'<>]{{0,128}}:(?!{_PORT})[^\s@\"'<>]{{1,200}})@"
)
_PASSWORD = re.compile(rf"://[^\s/@:]{{0,128}}:(?!{_PORT})([^\s@]{{1,200}})@")
_AFTER_A_NAME = (
    re.compile(rf"([?&;]{_SECRET_PARAMETER}=)[^&;\s\"'<>#]+", re.IGNORECASE),
    re.compile(
        r"(\b[\w-]{0,40}(?:api[-_]?key|access[-_]?key|secret|password)(?:=|\\?[\"']\s{0,3}[:=]\s{0,3})\\?[\"']?)"
        r"[^\s\"'\\,;&}<>]+",
        re.IGNORECASE,
    ),
    re.compile(
        r"(\bauthorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?(?:\w+\s+)?)[^\s\"'\\,}]+", re.IGNORECASE
    ),
    re.compile(r"(\bbearer\s+)(?=\S*\d)[\w.~+/-]{16,}=*", re.IGNORECASE),
)
_ISSUED = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}")),
    (
        "an API key",
        re.compile(
            r"\bsk-(?:(?=[\w-]{0,60}[A-Z])[\w-]{12,}|(?:[a-z0-9]{2,6}-){0,2}(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{20,}[\w-]*)"
        ),
    ),
    ("an API key", re.compile(r"\bAIza[\w-]{30,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{16,}")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{16,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[\w-]{10,}")),
    ("a JSON Web Token", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")),
    (
        "a private key",
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", re.DOTALL),
    ),
)

_declared: set[str] = set()


def declare_secret(variable: str) -> None:
    """Have the value of a variable of the environment masked from now on, whatever the variable is called."""
    _declared.add(variable)


def names_a_secret(variable: str) -> bool:
    """Tell whether a variable of the environment holds a secret, by its name."""
    return variable in _declared or _SECRET_NAME.search(variable) is not None


def redact(text: str) -> str:
    """Replace the secrets in a text by `***`.

    Values of variables of the environment are found as they are, percent-encoded, and in base64.
    """
    for value in sorted(_environment_secrets(), key=len, reverse=True):
        text = text.replace(value, MASK)
    text = _USERINFO.sub(f"://{MASK}@", text)
    for pattern in _AFTER_A_NAME:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    for _, pattern in _ISSUED:
        text = pattern.sub(MASK, text)
    return text


def secret_in(text: str) -> str | None:
    """Say what kind of secret a configured text holds by its shape, without the secret; None: none."""
    if len(text) < _SHORTEST:
        return None
    if _USERINFO.search(text):
        return "credentials in a URL"
    if any(pattern.search(text) for pattern in _AFTER_A_NAME):
        return "a secret parameter"
    return next((kind for kind, pattern in _ISSUED if pattern.search(text)), None)


def environment_secrets_in(text: str) -> list[str]:
    """The values of secret variables of the environment that a configured text holds, but short ones."""
    return [value for value in _environment_values() if len(value) >= _SHORTEST_CONFIGURED and value in text]


def redact_error(error: BaseException) -> None:
    """Redact an error and all that it came from, in place, before a framework prints or stores the chain.

    A cause that has a secret in more than its arguments, notes and file names is taken out of the chain.
    """
    _redact_chain(error, set())


@contextmanager
def redacted_errors() -> Iterator[None]:
    """Redact the errors that leave the block, or the function that this decorates."""
    try:
        yield
    except Exception as error:
        redact_error(error)
        raise


def _redact_chain(error: BaseException, seen: set[int]) -> None:
    seen.add(id(error))
    error.args = tuple(redact(part) if isinstance(part, str) else part for part in error.args)
    if isinstance(error, OSError):
        error.filename, error.strerror = (
            redact(part) if isinstance(part, str) else part for part in (error.filename, error.strerror)
        )
    if hasattr(error, "__notes__"):
        error.__notes__ = [redact(note) for note in error.__notes__]
    for link in ("__cause__", "__context__"):
        origin = getattr(error, link)
        if origin is not None and id(origin) not in seen:
            _redact_chain(origin, seen)
        if origin is not None and redact(str(origin)) != str(origin):
            setattr(error, link, None)


def _environment_secrets() -> set[str]:
    return {form for value in _environment_values() for form in _forms(value)}


def _environment_values() -> Iterator[str]:
    for name, value in os.environ.items():
        if "://" in value:
            yield from (match[1] for match in _PASSWORD.finditer(value) if len(match[1]) >= _SHORTEST)
        if names_a_secret(name) and len(value) >= _SHORTEST:
            yield value
            if "\n" in value:
                yield from (line for line in value.splitlines() if len(line) >= _SHORTEST_LINE)


def _forms(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogateescape")
    yield value
    yield repr(value)[1:-1]
    yield from (quote(data), quote(data, safe=""), quote_plus(data))
    yield from (
        base64.b64encode(data).decode().rstrip("="),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
    )


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
