"""Places that a catalogue names: paths of this machine, and prefixes or objects in S3."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator

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
    return s3_location(value) if "://" in value else Path(value)


def absolute(where: Path | str) -> Path | str:
    """A location that does not depend on the current folder."""
    return where.absolute() if isinstance(where, Path) else where


def s3_location(value: Any) -> str:
    """An `s3://bucket/prefix`.

    Raises:
        ValueError: it is none, or it holds credentials.
    """
    text = str(value)
    if not text.startswith(S3_SCHEME):
        raise ValueError("write s3://bucket/prefix; no other kind of remote place is known")
    bucket = text.removeprefix(S3_SCHEME).split("/")[0]
    if "@" in bucket or ":" in bucket:
        raise ValueError("credentials belong into the environment (AWS_ACCESS_KEY_ID, …), never here")
    if not bucket:
        raise ValueError("a bucket is missing after s3://")
    return text


Location = Annotated[Path | str, PlainValidator(location)]
S3Location = Annotated[str, PlainValidator(s3_location)]
