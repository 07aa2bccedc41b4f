"""A prefix in S3 that mirrors a storage folder, file by file, for machines that share the work.

Each object carries the SHA-256 of its content, so that one that was cut short or overwritten is noticed when
it is fetched. An object is there whole or not at all: it appears when its upload is complete.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prox_assets.config.inputs import S3_SCHEME
from prox_assets.documents.files import replacing
from prox_assets.documents.names import count, inner_path, path_inside, plain_name, section, sha256_digest
from prox_assets.errors import StoreError

ATTEMPTS = 10
CONNECTIONS = 10
"""What a client of S3 has open at a time: botocore's own number."""
_DIGEST = "sha256"
_ONE_PUT = 8 << 20


class ObjectClient(Protocol):
    """What is asked of a boto3 S3 client."""

    put_object: Callable[..., Any]
    get_object: Callable[..., Any]
    head_object: Callable[..., Any]
    upload_file: Callable[..., Any]
    download_file: Callable[..., Any]
    get_paginator: Callable[..., Any]


Connect = Callable[[], ObjectClient]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file was when it was stored."""

    size: int
    sha256: str

    @classmethod
    def of(cls, value: object, where: object) -> "Stored":
        """Read it from JSON.

        Raises:
            StoreError: a value has another type or form; names the file or object `where`.
        """
        values = section({"file": value}, "file", where)
        return cls(count(values.get("size"), "size", where), sha256_digest(values.get("sha256"), where))


def connect_with_boto3() -> ObjectClient:
    """A client that takes credentials, region and endpoint from the environment and waits out throttling."""
    import boto3
    from botocore.config import Config

    patience = Config(retries={"mode": "adaptive", "max_attempts": ATTEMPTS})
    client: ObjectClient = boto3.session.Session().client("s3", config=patience)
    return client


def stored_of(path: Path) -> Stored:
    """Measure a file."""
    with path.open("rb") as file:
        return Stored(path.stat().st_size, hashlib.file_digest(file, _DIGEST).hexdigest())


class Remote:
    """The mirror of the folder `root` at `s3://bucket/prefix`.

    It goes to other processes without its connection, and there makes one with boto3.
    """

    def __init__(self, root: Path, location: str, connect: Connect = connect_with_boto3) -> None:
        self.root = root
        self.location = location.rstrip("/")
        self.bucket, _, self._prefix = self.location.removeprefix(S3_SCHEME).partition("/")
        self._connect = connect
        self._client: ObjectClient | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_client": None, "_connect": connect_with_boto3}

    def push(self, path: Path) -> Stored:
        """Store a file of the folder, over what was there."""
        stored = stored_of(path)
        with self._speaking(path):
            self._put(path, self._key(path), stored)
        return stored

    def create(self, file: Path, target: Path) -> bool:
        """Store a file as `target` of the folder unless that is there already; False where it is."""
        stored = stored_of(file)
        with self._speaking(target):
            try:
                self._put(file, self._key(target), stored, IfNoneMatch="*")
            except Exception as error:
                if _code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "412"):
                    return False
                raise
        return True

    def read(self, path: Path) -> bytes | None:
        """The content of a small object, or None where there is none."""
        with self._speaking(path):
            try:
                content: bytes = self.client.get_object(Bucket=self.bucket, Key=self._key(path))[
                    "Body"
                ].read()
            except Exception as error:
                if _code(error) in ("NoSuchKey", "404"):
                    return None
                raise
        return content

    def pull(self, path: Path, target: Path | None = None, expected: Stored | None = None) -> None:
        """Fetch a file of the folder, to `target` if it is to stand elsewhere first.

        Raises:
            StoreError: it is not there, or not what was stored.
        """
        key = self._key(path)
        with replacing(target or path) as temporary:
            with self._speaking(path):
                recorded = self._recorded(key) if expected is None else expected
                self.client.download_file(self.bucket, key, str(temporary))
            if stored_of(temporary) != recorded:
                raise StoreError(
                    f"{self._place(key)} is not what was stored there: it has "
                    f"{temporary.stat().st_size:,} bytes, {recorded.size:,} were written, or other ones. "
                    "Restore it, or delete it and materialize its asset again."
                )

    def names(self, folder: Path) -> dict[str, int]:
        """The files below a folder and their sizes; names are relative to it.

        Raises:
            StoreError: the name of an object leads out of the folder.
        """
        return {name: entry["Size"] for name, entry in self._entries(folder)}

    def folders(self, folder: Path) -> list[str]:
        """The folders directly in a folder, by name."""
        prefix = self._key(folder) + "/"
        with self._speaking(folder):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/"
            )
            prefixes = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
        return [plain_name(key.removeprefix(prefix).removesuffix("/"), self._place(key)) for key in prefixes]

    def bring(self, folder: Path) -> set[str]:
        """Fetch what is below a folder and not here, or newer there than here; returns all that is there."""
        entries = self._entries(folder)
        for name, entry in entries:
            path = path_inside(folder, name, self._place(entry["Key"]))
            if not _is_up_to_date(path, entry):
                self.pull(path)
        return {name for name, _ in entries}

    def share(self, folder: Path) -> dict[str, Stored]:
        """Store all files below a folder; returns what they were, by relative name."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): self.push(path) for path in files}

    @property
    def client(self) -> ObjectClient:
        """The connection, made when it is first needed."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _put(self, file: Path, key: str, stored: Stored, **conditions: str) -> None:
        metadata = {_DIGEST: stored.sha256}
        if stored.size <= _ONE_PUT:
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=file.read_bytes(), Metadata=metadata, **conditions
            )
        else:
            self.client.upload_file(str(file), self.bucket, key, ExtraArgs={"Metadata": metadata})

    def _recorded(self, key: str) -> Stored:
        head: Mapping[str, Any] = self.client.head_object(Bucket=self.bucket, Key=key)
        return Stored(head["ContentLength"], head["Metadata"].get(_DIGEST, "no digest"))

    def _entries(self, folder: Path) -> list[tuple[str, Mapping[str, Any]]]:
        prefix = self._key(folder) + "/"
        with self._speaking(folder):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            entries = [one for page in pages for one in page.get("Contents", ())]
        # Consoles of S3 make an object of no bytes for a folder; its key ends in a slash.
        return [
            (inner_path(entry["Key"].removeprefix(prefix), self._place(entry["Key"])), entry)
            for entry in entries
            if entry["Size"] or not entry["Key"].endswith("/")
        ]

    def _place(self, key: str) -> str:
        return f"{S3_SCHEME}{self.bucket}/{key}"

    def _key(self, path: Path) -> str:
        relative = path.relative_to(self.root).as_posix()
        return f"{self._prefix}/{relative}" if self._prefix else relative

    @contextlib.contextmanager
    def _speaking(self, path: Path) -> Iterator[None]:
        """Say in one sentence what S3 answered, and where."""
        try:
            yield
        except (StoreError, OSError):
            raise
        except Exception as error:
            if not type(error).__module__.startswith(("botocore", "boto3", "s3transfer")):
                raise
            where = self._place(self._key(path))
            raise StoreError(f"{where}: {' '.join(str(error).split())} {_remedy(error)}") from error


def _code(error: Exception) -> str:
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _remedy(error: Exception) -> str:
    if _code(error) in ("AccessDenied", "403"):
        return "Allow the actions that docs/storage.md lists."
    if _code(error) in ("NoSuchBucket", "404", "NoSuchKey"):
        return "Correct storage.remote in the catalogue, or materialize the asset again."
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return "Give AWS credentials by the environment, a profile or a role."
    return "Try again; what is committed stays."


def _is_up_to_date(path: Path, entry: Mapping[str, Any]) -> bool:
    """Tell whether the file here is as new as the object, or of the same content."""
    if not path.exists() or path.stat().st_size != entry["Size"]:
        return False
    if path.stat().st_mtime >= entry["LastModified"].timestamp():
        return True
    same: bool = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == entry["ETag"].strip('"')
    if same:
        os.utime(path)
    return same
