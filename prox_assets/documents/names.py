"""Checks on names that come from outside: object keys, and what stored JSON files call files and folders.

Other machines, other people or a damaged disk may have written them, so a name is checked where it enters
and before a path is made of it.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from prox_assets.errors import StoreError, one_line

_LONGEST_COMPONENT = 255  # bytes: what file systems allow
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN = 120
_MADE_AGAIN = "Delete it, and materialize its asset again."


def plain_name(name: object, where: object) -> str:
    """Return `name` if it is the name of one file or folder, directly in the folder it is used in.

    `where`: the file or the object that holds the name, for the message.

    Raises:
        StoreError: it is no text, empty, `.` or `..`, too long, or has a separator or a control character.
    """
    if isinstance(name, str) and _is_plain(name):
        return name
    raise StoreError(
        f"{where}: {_shown(name)} is not the plain name of a file or folder: nothing was read or written "
        "under it. Remove or correct what holds it, then run again."
    )


def inner_path(path: object, where: object) -> str:
    """Return `path` if it is relative, of plain names separated by `/`: it stays inside its folder.

    Raises:
        StoreError: it is no text, absolute, or one of its parts is not a plain name.
    """
    if isinstance(path, str) and all(map(_is_plain, path.split("/"))):
        return path
    raise StoreError(
        f"{where}: {_shown(path)} is not a plain relative path: nothing was read or written under it. "
        "Remove or correct what holds it, then run again."
    )


def path_inside(folder: Path, path: object, where: object) -> Path:
    """Join a folder and an `inner_path`, which no symbolic link below the folder may lead out of it.

    Raises:
        StoreError: it is no inner path, or a link leads elsewhere.
    """
    target = folder / inner_path(path, where)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise StoreError(
            f"{target}: a symbolic link leads out of {folder}; replace the link by what it points to, "
            "then run again."
        )
    return target


def fingerprint_name(value: object, where: object) -> str:
    """Return `value` if it has the form of a fingerprint: 16 hexadecimal digits, lower case.

    Raises:
        StoreError: it has another form.
    """
    if isinstance(value, str) and _FINGERPRINT.fullmatch(value):
        return value
    raise StoreError(
        f"{where}: {_shown(value)} is not a fingerprint (16 hexadecimal digits): the file is damaged. "
        f"{_MADE_AGAIN}"
    )


def sha256_digest(value: object, where: object, remedy: str = _MADE_AGAIN) -> str:
    """Return `value` if it has the form of a SHA-256: 64 hexadecimal digits, lower case.

    `remedy` says what to do where it has not.

    Raises:
        StoreError: it has another form.
    """
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise StoreError(
        f"{where}: {_shown(value)} is not a SHA-256 (64 hexadecimal digits): the file is damaged. {remedy}"
    )


def count(value: object, what: str, where: object) -> int:
    """Return `value` if it is a whole number from 0; `what` it counts is named in the message.

    Raises:
        StoreError: it is anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise StoreError(
        f"{where}: {what} is {_shown(value)}, not a whole number from 0: the file is damaged. {_MADE_AGAIN}"
    )


def section(values: Mapping[str, Any], key: str, where: object, remedy: str = _MADE_AGAIN) -> dict[str, Any]:
    """Return the JSON object that stands under `key`; `remedy` says what to do where there is none.

    Raises:
        StoreError: there is none.
    """
    value = values.get(key)
    if isinstance(value, dict):
        return value
    raise StoreError(f"{where}: there is no object {key!r} in it: the file is damaged. {remedy}")


def objects(values: Mapping[str, Any], key: str, where: object) -> list[dict[str, Any]]:
    """Return the list of JSON objects that stands under `key`.

    Raises:
        StoreError: there is none.
    """
    value = values.get(key)
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise StoreError(
        f"{where}: there is no list of objects {key!r} in it: the file is damaged. {_MADE_AGAIN}"
    )


def nonempty_text(value: object, what: str, where: object) -> str:
    """Return `value` if it is a text and not empty, such as the place of an input, which may have any name.

    Raises:
        StoreError: it is anything else, or empty.
    """
    if isinstance(value, str) and value:
        return value
    raise StoreError(f"{where}: {what} is {_shown(value)}: the file is damaged. {_MADE_AGAIN}")


def seconds(value: object, where: object) -> float:
    """Return `value` if it is a time in seconds since 1970.

    Raises:
        StoreError: it is anything else.
    """
    if is_finite(value):
        return float(value)
    raise StoreError(f"{where}: {_shown(value)} is not a time in seconds: the file is damaged. {_MADE_AGAIN}")


def is_finite(value: object) -> TypeGuard[int | float]:
    """Tell whether `value` is a number that a float can hold: no bool, NaN, infinity, or longer integer."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_plain(name: str) -> bool:
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        return False
    if _CONTROL.search(name):
        return False
    # Lone surrogates stand for bytes of local names that are not UTF-8.
    return len(name.encode("utf-8", "surrogatepass")) <= _LONGEST_COMPONENT


def _shown(value: object) -> str:
    return one_line(repr(value), _SHOWN)
