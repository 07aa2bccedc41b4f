"""Keep secrets out of everything that is printed, logged or stored: one function masks them in a text.

A secret is known by its value, where a variable of the environment holds it, or by its shape: credentials in
a URL, signed query parameters, and the tokens that cloud providers and model hubs issue.
"""

import base64
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
