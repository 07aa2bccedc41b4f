"""Files here and in S3, by one name each: measured, opened.

A place is an absolute path, or `s3://bucket/key`. Credentials and region come from where the AWS SDK looks
for them (environment, profile, role), the endpoint from `AWS_ENDPOINT_URL`; none of them is written anywhere.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from prox_assets.config.inputs import S3_SCHEME
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


def measure(places: Sequence[str]) -> dict[str, FoundFile]:
    """Look at each place; those where no file is are left out.

    Raises:
        InputError: S3 cannot be asked.
    """
    remote = [place for place in places if in_s3(place)]
    found = [measured(Path(place)) for place in places if not in_s3(place)]
    if remote:
        try:
            infos = s3_file_system().get_file_info([place.removeprefix(S3_SCHEME) for place in remote])
        except OSError as error:
            raise InputError(f"{remote[0]}: S3 does not answer ({error}); try again.") from error
        found += [found_object(info, "") for info in infos]
    return {file.place: file for file in found if file is not None}


@contextlib.contextmanager
def opened(place: str, start: int = 0) -> Iterator[io.BufferedReader]:
    """Open a file for reading from byte `start`; nothing but a buffer of it is held in memory."""
    if in_s3(place):
        with s3_file_system().open_input_file(place.removeprefix(S3_SCHEME)) as remote:
            remote.seek(start)
            yield io.BufferedReader(remote, _BUFFER)
    else:
        with Path(place).open("rb") as file:
            file.seek(start)
            yield file


def parquet_source(place: str) -> Any:
    """What `pyarrow.parquet.ParquetFile` opens."""
    return s3_file_system().open_input_file(place.removeprefix(S3_SCHEME)) if in_s3(place) else place


def entity_tag(place: str) -> str:
    """The tag that S3 gives the content of an object."""
    with s3_file_system().open_input_file(place.removeprefix(S3_SCHEME)) as remote:
        tag: bytes = remote.metadata()["ETag"]
        return tag.decode().strip('"')


def s3_file_system() -> Any:
    """Connect to the S3 that the environment names; one connection a process."""
    return _file_system(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))


@lru_cache(maxsize=4)
def _file_system(endpoint: str | None) -> Any:
    from pyarrow import fs

    patience = fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS)
    return fs.S3FileSystem(endpoint_override=endpoint, retry_strategy=patience)


def measured(path: Path, relative: str = "") -> FoundFile | None:
    """Look at a file of this machine; None where there is none, or it is not to be reached."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # a name with a null byte is a ValueError
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(str(path.absolute()), relative or path.name, status.st_size, round(status.st_mtime, 3))


def found_object(info: Any, base: str) -> FoundFile | None:
    """Read a listing's entry of an object below `base`; None for a folder."""
    if not info.is_file:
        return None
    relative = info.path.removeprefix(f"{base}/") if base else info.path.rsplit("/", 1)[-1]
    return FoundFile(S3_SCHEME + info.path, relative, info.size, round(info.mtime.timestamp(), 3))
