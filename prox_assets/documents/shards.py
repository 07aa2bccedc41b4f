"""Shards on disk: what they are called, what of them is finished, and what their manifests say."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.files import json_object, read_json, read_table, reading
from prox_assets.documents.names import count, fingerprint_name, plain_name, section
from prox_assets.documents.remote import Stored
from prox_assets.errors import StoreError

MANIFEST = "manifest.json"
CURRENT = "current.json"
LONGEST_NAME = 180
"""Bytes of a shard's name, so that the names of pieces, groups and temporary files fit into 255."""
_REPLACED = "\0"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+(\.{1,2}[A-Za-z0-9_-]+)*")
_DOTS = re.compile(r"^\.+|\.{3,}")
_RANGE = r"rows-(\d{9,18})-(\d{9,18})"
_RANGE_NAME = re.compile(_RANGE)
_RANGE_FILE = re.compile(_RANGE + r"(\.[a-z_]+)?\.(parquet|json)")


def name_of_shard(name: str) -> str:
    """Make a name that a partition, a folder and a key in S3 may have, as a function of `name` alone.

    Letters, marks and digits of any script, `_`, `.` and `-` stay, in Unicode's composed form; others become
    `_`. Where that may make two names one, or leaves nothing to go by, a digest of the name is appended.
    Names of ASCII alone get none: only `.` in front and `...`, which no partition can have, are taken out.
    """
    if _PLAIN.fullmatch(name):
        return name
    composed = unicodedata.normalize("NFC", name)
    kept = "".join(character if _stays(character) else _REPLACED for character in composed)
    without_dots = _DOTS.sub(_REPLACED, kept)
    result = re.sub(f"{_REPLACED}+", "_", without_dots)
    is_nameless = not any(character.isalnum() for character in result)
    is_ambiguous = result != name and (not name.isascii() or without_dots != kept or is_nameless)
    is_too_long = not name.isascii() and len(result.encode()) > LONGEST_NAME
    if not is_ambiguous and not is_too_long:
        return result
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    short = result.encode()[: LONGEST_NAME - len(digest) - 1].decode(errors="ignore")
    return f"{short}-{digest}"


def ascii_name_of_shard(name: str) -> str:
    """Make the name that shards had before names kept letters of every script; several may share one."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)


def _stays(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in "_.-"
    return unicodedata.category(character)[0] in "LMN"


@dataclass(frozen=True, slots=True, order=True)
class RowRange:
    """Rows `start` to `stop` (exclusive) of a shard's source file."""

    start: int
    stop: int

    @property
    def name(self) -> str:
        """The part's name, without an ending."""
        return f"rows-{self.start:09d}-{self.stop:09d}"

    @classmethod
    def of(cls, path: Path) -> "RowRange":
        """Read the range back from a part's name.

        Raises:
            StoreError: it is no such name.
        """
        match = _RANGE_NAME.fullmatch(path.name.split(".")[0])
        if match is None or int(match[1]) > int(match[2]):
            raise StoreError(
                f"{path}: this is not the name of a row range (rows-000000000-000000128); remove the file, "
                "or what lists it, and run again."
            )
        return cls(int(match[1]), int(match[2]))


def range_file(name: object, where: object) -> str:
    """Return `name` if it is that of a file of a row range: its Parquet, a side table, its cost.

    Raises:
        StoreError: it has another form; `where` is what holds the name.
    """
    text = plain_name(name, where)
    match = _RANGE_FILE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise StoreError(
            f"{where}: {text!r} is not the name of a row range's file (rows-000000000-000000128.parquet): "
            "nothing was read or written under it. Remove or correct what holds it, then run again."
        )
    return text


@dataclass(frozen=True, slots=True)
class ShardKey:
    """One shard of one asset of one domain.

    Raises:
        StoreError: one of the three is not the plain name of a folder.
    """

    domain: str
    asset: str
    shard: str

    def __post_init__(self) -> None:
        for name in (self.domain, self.asset, self.shard):
            plain_name(name, f"shard {self.domain}|{self.shard}")


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """What `manifest.json` says of a finished shard: rows of each range, in order, and the files in S3."""

    fingerprint: str
    parts: Mapping[RowRange, int]
    files: Mapping[str, Stored]

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: object) -> "ShardManifest":
        """Check and read the JSON of a manifest; unknown keys count for nothing.

        Raises:
            StoreError: a name or a value has not the expected form; names the file or object `where`.
        """
        parts: dict[RowRange, int] = {}
        for name, rows in section(values, "parts", where).items():
            part = RowRange.of(Path(range_file(f"{name}.parquet", where)))
            parts[part] = count(rows, f"rows of {name}", where)
        expected = 0
        for part in sorted(parts):
            if part.start != expected:
                raise StoreError(
                    f"{where}: its ranges do not follow one another at row {expected}: the file is damaged. "
                    "Delete it, and materialize its asset again."
                )
            expected = part.stop
        listed = section(values, "files", where) if "files" in values else {}
        return cls(
            fingerprint_name(values.get("fingerprint"), where),
            {part: parts[part] for part in sorted(parts)},
            {range_file(name, where): Stored.of(stored, where) for name, stored in listed.items()},
        )


def current_run(content: bytes, where: object) -> dict[str, Any]:
    """Read `current.json`: an object whose `fingerprint` names the folder that readers use.

    Raises:
        StoreError: it is damaged; names the file or object `where`.
    """
    current = json_object(content, where, "delete it, and materialize its asset again")
    fingerprint_name(current.get("fingerprint"), where)
    return current


@dataclass(frozen=True, slots=True)
class FinishedShard:
    """A shard of which every range is committed."""

    key: ShardKey
    folder: Path
    fingerprint: str
    ranges: tuple[RowRange, ...]
    rows: int

    @property
    def remedy(self) -> str:
        """What to do where one of its files is missing or damaged."""
        partition = f"{self.key.domain}|{self.key.shard}"
        return (
            f"delete it if it is there, and materialize {self.key.asset} of {partition} again: that writes "
            "this file anew and keeps the others"
        )

    def paths(self, kind: str = "") -> tuple[Path, ...]:
        """The Parquet files in row order; `kind` names a side table such as ``rejected``."""
        return tuple(self.part(part, kind) for part in self.ranges)

    def part(self, rows: RowRange, kind: str = "") -> Path:
        """The Parquet file of one range."""
        return self.folder / f"{rows.name}{'.' + kind if kind else ''}.parquet"

    def costs(self) -> tuple[dict[str, Any], ...]:
        """What each range cost, as recorded when it was committed; empty where nothing was recorded.

        Raises:
            StoreError: a record is damaged.
        """
        files = (self.folder / f"{part.name}.cost.json" for part in self.ranges)
        remedy = "delete it; what this range cost is then not on record"
        return tuple(read_json(file, remedy) for file in files if file.exists())

    def read(self, rows: RowRange, kind: str = "", columns: list[str] | None = None) -> pa.Table:
        """Load one range.

        Raises:
            StoreError: its file is missing or damaged.
        """
        return read_table(self.part(rows, kind), columns, self.remedy)

    def row_count(self, rows: RowRange) -> int:
        """The rows of one range's file, by its footer.

        Raises:
            StoreError: its file is missing or damaged.
        """
        path = self.part(rows)
        with reading(path, self.remedy):
            return int(pq.read_metadata(path).num_rows)

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the shard, a range at a time.

        Raises:
            StoreError: a file is missing or damaged, or the shard's manifest counts other rows.
        """
        rows = 0
        for path in self.paths():
            with reading(path, self.remedy):
                file = pq.ParquetFile(path)
            with file:
                batches = file.iter_batches(columns=columns)
                while True:
                    with reading(path, self.remedy):
                        batch = next(batches, None)
                    if batch is None:
                        break
                    rows += len(batch)
                    yield batch
        if rows != self.rows:
            partition = f"{self.key.domain}|{self.key.shard}"
            raise StoreError(
                f"{self.folder}: its files hold {rows:,} rows and its {MANIFEST} counts {self.rows:,}: it "
                f"is damaged. Delete the folder, and materialize {self.key.asset} of {partition} again."
            )
