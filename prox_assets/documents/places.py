"""Files here and in S3, by one name each: found, measured, opened.

A place is an absolute path, or `s3://bucket/key`. Credentials and region come from where the AWS SDK looks
for them (environment, profile, role), the endpoint from `AWS_ENDPOINT_URL`; none of them is written anywhere.
"""

import contextlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from prox_assets.config.locations import S3_SCHEME
from prox_assets.errors import InputError

_ATTEMPTS = 8
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as a listing shows it: bytes, and seconds since 1970. `relative`: its path below its input."""

    place: str
    relative: str
    size: int
    modified: float

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.relative.rsplit("/", 1)[-1]


def in_s3(place: str) -> bool:
    """Tell whether a place is an object in S3."""
    return place.startswith(S3_SCHEME)


def list_files(where: Path | str) -> list[FoundFile]:
    """List the files that a path, folder or glob names, of whatever kind, by place.

    Raises:
        InputError: the place cannot be listed.
    """
    try:
        found = list(_list_s3(where) if isinstance(where, str) else _list_local(where))
    except OSError as error:
        raise InputError(f"{where}: this cannot be listed ({error}); correct it, or try again.") from error
    return sorted(found, key=lambda file: file.place)


def measure(places: Sequence[str]) -> dict[str, FoundFile]:
    """Look at each place; those that are not there are left out."""
    remote = [place for place in places if in_s3(place)]
    found = [_measured(Path(place)) for place in places if not in_s3(place)]
    if remote:
        infos = _s3().get_file_info([place.removeprefix(S3_SCHEME) for place in remote])
        found += [_found(info, "") for info in infos]
    return {file.place: file for file in found if file is not None}


@contextlib.contextmanager
def opened(place: str, start: int = 0) -> Iterator[IO[bytes]]:
    """Open a file for reading from byte `start`; nothing but a buffer of it is held in memory."""
    if in_s3(place):
        with _s3().open_input_file(place.removeprefix(S3_SCHEME)) as remote:
            remote.seek(start)
            yield io.BufferedReader(remote, _BUFFER)
    else:
        with Path(place).open("rb") as file:
            file.seek(start)
            yield file


def parquet_source(place: str) -> Any:
    """What `pyarrow.parquet.ParquetFile` opens."""
    return _s3().open_input_file(place.removeprefix(S3_SCHEME)) if in_s3(place) else place


def entity_tag(place: str) -> str:
    """The tag that S3 gives the content of an object."""
    with _s3().open_input_file(place.removeprefix(S3_SCHEME)) as remote:
        tag: bytes = remote.metadata()["ETag"]
        return tag.decode().strip('"')


def _s3() -> Any:
    return _file_system(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))


@lru_cache(maxsize=4)
def _file_system(endpoint: str | None) -> Any:
    from pyarrow import fs

    patience = fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS)
    return fs.S3FileSystem(endpoint_override=endpoint, retry_strategy=patience)


def _list_local(where: Path) -> Iterator[FoundFile]:
    if where.is_dir():
        fixed, paths = where, list(where.iterdir())
    else:
        fixed = _fixed_folder(where)
        paths = list(fixed.glob(str(where.relative_to(fixed))))
    for path in paths:
        found = _measured(path, path.relative_to(fixed).as_posix()) if path.is_file() else None
        if found is not None:
            yield found


def _fixed_folder(where: Path) -> Path:
    """The deepest folder above the first wildcard."""
    fixed = where.parent
    while any(_is_pattern(part) for part in fixed.parts):
        fixed = fixed.parent
    return fixed


def _is_pattern(part: str) -> bool:
    return any(sign in part for sign in "*?[")


def _measured(path: Path, relative: str = "") -> FoundFile | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return FoundFile(str(path.absolute()), relative or path.name, status.st_size, round(status.st_mtime, 3))


def _list_s3(where: str) -> Iterator[FoundFile]:
    from pyarrow import fs

    parts = where.removeprefix(S3_SCHEME).rstrip("/").split("/")
    wild = next((index for index, part in enumerate(parts) if _is_pattern(part)), None)
    if wild is None:
        whole = "/".join(parts)
        info = _s3().get_file_info(whole)
        if info.type == fs.FileType.File:
            yield from filter(None, [_found(info, "")])
            return
        base, pattern = whole, re.compile(r"[^/]+")
    else:
        base, pattern = "/".join(parts[:wild]), _pattern("/".join(parts[wild:]))
    deep = wild is not None and (len(parts) - wild > 1 or "**" in parts)
    for info in _s3().get_file_info(fs.FileSelector(base, recursive=deep)):
        found = _found(info, base)
        if found is not None and pattern.fullmatch(found.relative):
            yield found


def _pattern(text: str) -> re.Pattern[str]:
    """A glob as a regular expression: `*` and `?` stay inside one folder, `**/` is any number of them."""
    pieces = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", text)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(_piece(piece, meaning) for piece in pieces))


def _piece(piece: str, meaning: dict[str, str]) -> str:
    if piece in meaning:
        return meaning[piece]
    if piece.startswith("[") and piece.endswith("]"):
        return piece.replace("[!", "[^", 1)
    return re.escape(piece)


def _found(info: Any, base: str) -> FoundFile | None:
    if not info.is_file:
        return None
    relative = info.path.removeprefix(f"{base}/") if base else info.path.rsplit("/", 1)[-1]
    return FoundFile(S3_SCHEME + info.path, relative, info.size, round(info.mtime.timestamp(), 3))
