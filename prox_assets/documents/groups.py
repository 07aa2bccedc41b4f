"""Groups of small files: which files make one shard, decided once and kept in a log that only grows.

The log of a domain is a folder of numbered files, `groups/000000.json` and so on. A new file is written under
the next number only if nobody has taken that number; who comes second reads what the first wrote and decides
anew. So a file is in one group for good, whatever arrives later and whoever looks.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from prox_assets.documents.files import create_json, read_json
from prox_assets.documents.names import count, nonempty_text, objects, plain_name, seconds
from prox_assets.documents.places import FoundFile, in_s3
from prox_assets.errors import StoreError


@dataclass(frozen=True, slots=True)
class Group:
    """The files of one shard, in order. `name` is a function of them."""

    name: str
    files: tuple[FoundFile, ...]


class Numbered(Protocol):
    """Where the log stands for a team: objects in S3."""

    def bring(self, folder: Path) -> set[str]:
        """Fetch what is not here yet; returns the names of all that is there."""

    def create(self, file: Path, target: Path) -> bool:
        """Store a file as `target` unless that is there already; False where it is."""


class GroupLog:
    """The groups of one domain; `records` is the folder that says which files a shard was read from."""

    def __init__(self, folder: Path, remote: Numbered | None = None, records: Path | None = None) -> None:
        self._folder = folder
        self._remote = remote
        self._records = records
        self._has_records = False

    def groups(self) -> tuple[Group, ...]:
        """All groups, in the order in which they were closed."""
        if self._remote is not None:
            there = self._remote.bring(self._folder)
            for path in self._files():
                if path.name not in there and not self._remote.create(path, path):
                    raise StoreError(f"{path}: somebody else put it into S3 at this moment; try again.")
        return tuple(group for path in self._files() for group in _read(path))

    def add(self, groups: Sequence[Group], known: int) -> bool:
        """Write groups down; False where others have come since there were `known` groups: look again."""
        if not groups:
            return True
        if len(self.groups()) != known:
            return False
        path = self._folder / f"{len(self._files()):06d}.json"
        content = {"groups": [asdict(group) for group in groups]}
        return create_json(content, path, self._remote.create if self._remote is not None else None)

    def was_read_as(self, place: str, shard: str) -> bool:
        """Tell whether a file, or its first piece, is on record as having been read into a shard."""
        if self._records is None:
            return False
        if self._remote is not None and not self._has_records:
            self._remote.bring(self._records)
            self._has_records = True
        paths = (self._records / f"{name}.json" for name in (shard, piece_name(shard, 0)))
        return any(place in _places(path) for path in paths if path.is_file())

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.json"))


def pack(files: Iterable[FoundFile], shard_bytes: int) -> tuple[list[list[FoundFile]], list[FoundFile]]:
    """Fill groups in the order of names; returns the full ones, and the open one."""
    full: list[list[FoundFile]] = []
    group: list[FoundFile] = []
    filled = 0
    for file in sorted(files, key=lambda file: (file.relative, file.place)):
        if group and filled + file.size > shard_bytes:
            full.append(group)
            group, filled = [], 0
        group.append(file)
        filled += file.size
    return full, group


def files_digest(files: Iterable[FoundFile]) -> str:
    """Eight hexadecimal digits that tell groups of one first file apart."""
    names = "\n".join(file.relative for file in files)
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def piece_name(shard: str, number: int) -> str:
    """Name a piece of a file that is shard `shard` as a whole."""
    return f"{shard}-{number:05d}"


def _places(path: Path) -> list[str]:
    remedy = "delete it, and materialize raw_documents of its shard again"
    parts = objects(read_json(path, remedy), "parts", path)
    return [nonempty_text(part.get("place"), "place", path) for part in parts]


def _read(path: Path) -> list[Group]:
    """Read an entry of the log. Others may have written it, so its names and values are checked here."""
    remedy = "restore it from another copy: it says for good which files make a shard"
    groups = []
    for entry in objects(read_json(path, remedy), "groups", path):
        files = tuple(_file(values, path) for values in objects(entry, "files", path))
        groups.append(Group(plain_name(entry.get("name"), path), files))
    return groups


def _file(values: Mapping[str, Any], path: Path) -> FoundFile:
    place, relative = (nonempty_text(values.get(name), name, path) for name in ("place", "relative"))
    if not in_s3(place) and not place.startswith("/"):
        raise StoreError(f"{path}: {place!r} is neither an absolute path nor in S3: the file is damaged.")
    return FoundFile(
        place, relative, count(values.get("size"), "size", path), seconds(values.get("modified"), path)
    )
