"""Shards on disk: what they are called, and what of them is finished."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = "manifest.json"
CURRENT = "current.json"


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
