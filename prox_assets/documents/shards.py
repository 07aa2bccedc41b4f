"""Shards on disk: what they are called, and what of them is finished."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = "manifest.json"
CURRENT = "current.json"
LONGEST_NAME = 180
"""Bytes of a shard's name, so that the names of pieces, groups and temporary files fit into 255."""
_REPLACED = "\0"
_DOTS = re.compile(r"^\.+|\.{3,}")


def name_of_shard(name: str) -> str:
    """Make a name that a partition, a folder and a key in S3 may have, as a function of `name` alone.

    Letters, marks and digits of any script, `_`, `.` and `-` stay, in Unicode's composed form; others become
    `_`. Where that may make two names one, or leaves nothing to go by, a digest of the name is appended.
    Names of ASCII alone get none: only `.` in front and `...`, which no partition can have, are taken out.
    """
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
        """Read the range back from a part's name."""
        _, start, stop = path.name.split(".")[0].split("-")
        return cls(int(start), int(stop))


@dataclass(frozen=True, slots=True)
class ShardKey:
    """One shard of one asset of one domain."""

    domain: str
    asset: str
    shard: str


@dataclass(frozen=True, slots=True)
class FinishedShard:
    """A shard of which every range is committed."""

    key: ShardKey
    folder: Path
    fingerprint: str
    ranges: tuple[RowRange, ...]
    rows: int

    def paths(self, kind: str = "") -> tuple[Path, ...]:
        """The Parquet files in row order; `kind` names a side table such as ``rejected``."""
        return tuple(self.part(part, kind) for part in self.ranges)

    def part(self, rows: RowRange, kind: str = "") -> Path:
        """The Parquet file of one range."""
        return self.folder / f"{rows.name}{'.' + kind if kind else ''}.parquet"

    def costs(self) -> tuple[dict[str, Any], ...]:
        """What each range cost, as recorded when it was committed; empty where nothing was recorded."""
        files = (self.folder / f"{part.name}.cost.json" for part in self.ranges)
        return tuple(json.loads(file.read_text()) for file in files if file.exists())

    def read(self, rows: RowRange, kind: str = "") -> pa.Table:
        """Load one range."""
        return pq.read_table(self.part(rows, kind))

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the shard, a range at a time."""
        for path in self.paths():
            yield from pq.ParquetFile(path).iter_batches(columns=columns)
