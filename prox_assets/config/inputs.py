"""The files that a domain reads, here and in S3, and which of their documents become seeds.

A location never holds credentials, and an objection to one never repeats it.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PlainValidator,
    PositiveInt,
    field_validator,
    model_validator,
)

from prox_assets.config.section import Name, Section, SettingError
from prox_assets.errors import secret_in

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


class Columns(Section):
    """Which columns of the user's files hold what. `metadata` columns travel along as a JSON object."""

    doc_id: Name = "id"
    text: Name = "text"
    url: Name | None = None
    source: Name | None = None
    language: Name | None = None
    metadata: tuple[Name, ...] = ()

    @field_validator("metadata")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("a column stands here twice; list each once")
        return names


class Input(Section):
    """Files of one layout, Parquet or JSON lines (plain, .gz, .zst), and how they become shards.

    `path`: a file, a folder or a glob, here or at `s3://bucket/…`; or `manifest`, a file that lists them.
    With `shard_bytes` smaller files are grouped up to it and larger ones split; a group that is not full is
    closed `group_wait` seconds after its first file came. The sensor leaves a file alone until it has not
    changed for `settle_seconds`. `named_by: path` names shards by the whole path, where file names repeat.
    """

    path: Location | None = None
    manifest: Location | None = None
    columns: Columns = Columns()
    prefix: str = ""
    named_by: Literal["file", "path"] = "file"
    rows_per_shard: PositiveInt | None = None
    shard_bytes: PositiveInt | None = None
    group_wait: NonNegativeInt = 3_600
    settle_seconds: NonNegativeInt = 60
    max_chars: PositiveInt = 10_000_000

    @model_validator(mode="after")
    def _one_place(self) -> "Input":
        if (self.path is None) == (self.manifest is None):
            raise ValueError("give either path or manifest")
        if self.rows_per_shard is not None and self.shard_bytes is not None:
            raise ValueError("give either rows_per_shard or shard_bytes")
        return self


class HoldoutSection(Section):
    """Groups of documents that never become seeds, so that evaluation is on sites not trained on.

    `by` is `url_host`, `source`, `doc_id` or `metadata.<column>`; a group is held out when its value is
    listed in `values`, or when its hash falls into `fraction`.
    """

    by: str
    fraction: Annotated[float, Field(ge=0, lt=1)] | None = None
    values: tuple[str, ...] = ()
    seed: int = 0

    @field_validator("by")
    @classmethod
    def _known_group(cls, by: str) -> str:
        if by not in ("url_host", "source", "doc_id") and not re.fullmatch(r"metadata\..+", by):
            raise ValueError("use url_host, source, doc_id or metadata.<column>")
        return by

    @model_validator(mode="after")
    def _one_way(self) -> "HoldoutSection":
        if (self.fraction is None) == (not self.values):
            raise ValueError("give either fraction or values")
        return self


Stratum = Literal["source", "language", "length", "rule_score"]


class Seeds(Section):
    """The sample that the teacher annotates.

    `strategy: stratified` takes documents of every kind by `strata`: as many of each (`quota: equal`),
    or in the corpus' proportions with at least `floor` of each (`proportional`).
    """

    size: PositiveInt = 5_000
    seed: int = 0
    holdout: HoldoutSection | None = None
    strategy: Literal["uniform", "stratified"] = "uniform"
    strata: tuple[Stratum, ...] = ()
    quota: Literal["equal", "proportional"] = "equal"
    floor: NonNegativeInt = 0

    @model_validator(mode="after")
    def _strata_where_they_count(self) -> "Seeds":
        if (self.strategy == "stratified") != bool(self.strata):
            raise ValueError("strategy stratified needs strata, and strata need strategy stratified")
        if len(set(self.strata)) < len(self.strata):
            raise SettingError(("strata",), "a name stands here twice; list each once")
        if self.floor and self.quota == "equal":
            raise SettingError(("floor",), "only quota: proportional has a floor; remove it, or change quota")
        return self
