"""Files and folders that a catalogue names: paths of this machine, and prefixes or objects in S3.

A location never holds credentials, and an objection to one never repeats it.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator

from prox_assets.redaction import secret_in

S3_SCHEME = "s3://"


def location(value: Any) -> Path | str:
    """A path, or an `s3://bucket/key` that is kept as it is written.

    Raises:
        ValueError: neither of them, or the location holds credentials.
    """
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("write a path or s3://bucket/prefix")
    return s3_location(value) if "://" in value else local_path(value)


def absolute(where: Path | str) -> Path | str:
    """A location that does not depend on the current folder."""
    return where.absolute() if isinstance(where, Path) else where


def local_path(value: Any) -> Path:
    """A path of this machine, `~` written out.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write a path")
    if "://" in value:
        raise ValueError("write a path of this machine, without a scheme such as s3:// or file://")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("there is no such home folder; write the path in full") from None


def s3_location(value: Any) -> str:
    """An `s3://bucket/prefix`.

    Raises:
        ValueError: it is none, or it holds credentials.
    """
    if not isinstance(value, str) or not value.startswith(S3_SCHEME):
        raise ValueError("write s3://bucket/prefix; S3 is the only remote storage")
    bucket = value.removeprefix(S3_SCHEME).split("/")[0]
    if "@" in bucket or ":" in bucket or secret_in(value):
        raise ValueError("credentials belong into the environment (AWS_ACCESS_KEY_ID, …), never here")
    if not bucket:
        raise ValueError("a bucket is missing after s3://")
    return value


class FolderOrName:
    """Marks a field that takes a folder, relative to the catalogue's, or a name of the Hugging Face hub."""


Location = Annotated[Path | str, PlainValidator(location)]
LocalPath = Annotated[Path, BeforeValidator(local_path)]
S3Location = Annotated[str, PlainValidator(s3_location)]
FOLDER_OR_NAME = FolderOrName()
