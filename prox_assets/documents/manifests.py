"""Manifests: a file that lists the files of an input, one a line, as a place or as a JSON object."""

import json
from pathlib import Path
from typing import Any

from prox_assets.config.locations import S3_SCHEME
from prox_assets.documents.places import FoundFile, in_s3, measure, opened
from prox_assets.documents.skipped import Reason, Skipped
from prox_assets.errors import InputError


def manifest_files(manifest: Path | str, skipped: list[Skipped]) -> list[FoundFile]:
    """Read a manifest; a line that is none, and a file that is not there, are added to `skipped`.

    A line is a path or `s3://…`, or an object with `path` and, if it is known, `size` in bytes; then the file
    is not asked for. Relative paths are relative to the manifest. Blank lines and `#` comments are left out.

    Raises:
        InputError: the manifest itself cannot be read.
    """
    entries: dict[str, tuple[str, int | None]] = {}
    for number, line in _lines(str(manifest)):
        try:
            listed, size = _entry(line)
        except InputError as error:
            skipped.append(Skipped(f"{manifest}, line {number}", Reason.UNREADABLE, str(error)))
            continue
        entries[_place(listed, str(manifest))] = listed, size
    found = measure([place for place, (_, size) in entries.items() if size is None])
    files = []
    for place, (listed, size) in entries.items():
        file = found.get(place) if size is None else FoundFile(place, listed, size, 0.0)
        if file is None:
            skipped.append(Skipped(place, Reason.MISSING, f"listed in {manifest}, and not there"))
        else:
            relative = listed.removeprefix(S3_SCHEME)
            files.append(FoundFile(place, relative, file.size, file.modified))
    return sorted(files, key=lambda file: file.place)


def _lines(manifest: str) -> list[tuple[int, str]]:
    try:
        with opened(manifest) as file:
            text = file.read().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{manifest}: this manifest cannot be read ({error}); correct it.") from error
    lines = enumerate((line.strip() for line in text.split("\n")), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _entry(line: str) -> tuple[str, int | None]:
    if not line.startswith("{"):
        return line, None
    try:
        value: Any = json.loads(line)
    except ValueError as error:
        raise InputError(f'not JSON ({error}); write {{"path": …, "size": …}}') from error
    size = value.get("size")
    if not isinstance(value.get("path"), str) or not isinstance(size, int | None):
        raise InputError('write {"path": a text, "size": bytes}')
    return value["path"], size


def _place(listed: str, manifest: str) -> str:
    if in_s3(listed):
        return listed
    if in_s3(manifest):
        return f"{manifest.rsplit('/', 1)[0]}/{listed}"
    return str(Path(manifest).parent / listed)
