"""Manifests: a file that lists the files of an input, one a line, as a place or as a JSON object."""

import codecs
import json
import re
from pathlib import Path
from typing import Any

from prox_assets.config.locations import S3_SCHEME
from prox_assets.documents.places import FoundFile, in_s3, measure, opened
from prox_assets.documents.skipped import Reason, Skipped, printable
from prox_assets.errors import InputError

_LINE_END = re.compile(r"\r\n|\n|\r")
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def manifest_files(manifest: Path | str, skipped: list[Skipped]) -> list[FoundFile]:
    """Read a manifest; a line that is none, and a file that is not there, are added to `skipped`.

    A line is a path or `s3://…`, or an object with `path` and, if it is known, `size` in bytes; then the file
    is not asked for. Relative paths are relative to the manifest. Blank lines and `#` comments are left out.
    The text is UTF-8, or UTF-16 or UTF-32 with a byte order mark; lines end as on any system.

    Raises:
        InputError: the manifest itself cannot be read, or lists no file.
    """
    shown = printable(str(manifest))
    entries: dict[str, tuple[str, int | None]] = {}
    for number, line in _lines(str(manifest)):
        try:
            listed, size = _entry(line)
        except InputError as error:
            skipped.append(Skipped(f"{shown}, line {number}", Reason.UNREADABLE, str(error)))
            continue
        entries[_place(listed, str(manifest))] = listed, size
    if not entries:
        raise InputError(f"{shown}: this manifest lists no file; write a path or s3://… on each line.")
    found = measure([place for place, (_, size) in entries.items() if size is None])
    files = []
    for place, (listed, size) in entries.items():
        file = found.get(place) if size is None else FoundFile(place, listed, size, 0.0)
        if file is None:
            detail = f"listed in {shown}, and there is no such file"
            skipped.append(Skipped(printable(place), Reason.MISSING, detail))
        else:
            relative = listed.removeprefix(S3_SCHEME)
            files.append(FoundFile(place, relative, file.size, file.modified))
    return sorted(files, key=lambda file: file.place)


def _lines(manifest: str) -> list[tuple[int, str]]:
    try:
        with opened(manifest) as file:
            content = file.read()
        text = content.decode(marked_encoding(content))
    except (OSError, UnicodeDecodeError) as error:
        shown = printable(manifest)
        raise InputError(
            f"{shown}: this manifest cannot be read ({error}); correct it, or write it as UTF-8."
        ) from error
    lines = enumerate((line.strip(" \t") for line in _LINE_END.split(text)), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def marked_encoding(content: bytes) -> str:
    """The encoding that a byte order mark names, else UTF-8: editors save text files in those."""
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")


def _entry(line: str) -> tuple[str, int | None]:
    if not line.startswith("{"):
        return line, None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f'not JSON ({error}); write {{"path": …, "size": …}}') from error
    path, size = value.get("path"), value.get("size")
    if not isinstance(path, str) or not path or not _is_size(size):
        raise InputError('write {"path": a text, "size": bytes}')
    return path, size


def _is_size(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _place(listed: str, manifest: str) -> str:
    if in_s3(listed):
        return listed
    if in_s3(manifest):
        return f"{manifest.rsplit('/', 1)[0]}/{listed}"
    return str(Path(manifest).parent / listed)
