"""The store: shards as committed row ranges, and artifacts, each under its configuration's fingerprint.

Layout below the storage root::

    <domain>/<asset>/<shard>/current.json                    names the fingerprint that readers use
    <domain>/<asset>/<shard>/<fingerprint>/manifest.json     written when every range is committed
    <domain>/<asset>/<shard>/<fingerprint>/rows-<start>-<stop>.parquet
    <domain>/raw_documents/<shard>/source.json               the files that it was read from
    <domain>/groups/000000.json, …                           which small files make one shard
    <domain>/<asset>/<fingerprint>/…, current.json           an artifact of a whole domain
    <domain>/<asset>/<fingerprint>.partial/…                 what a killed build of it goes on from

What holds after a crash at any point: a `rows-…` file is whole or absent; ranges without one are done
again; a manifest exists only when all ranges do; `current.json` names only a finished fingerprint.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.files import is_temporary, publish_folder, write_json, write_table
from prox_assets.documents.fingerprint import fingerprint
from prox_assets.documents.groups import GroupLog
from prox_assets.errors import StoreError

_CURRENT = "current.json"
_MANIFEST = "manifest.json"
_GROUPS = "groups"
_SOURCE = "source.json"


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


class ShardWriter:
    """Commits row ranges of one shard under one fingerprint."""

    def __init__(self, folder: Path, key: ShardKey, configuration: Mapping[str, Any]) -> None:
        self.key = key
        self.fingerprint = fingerprint(configuration)
        self._configuration = dict(configuration)
        self._shard_folder = folder
        self._folder = folder / self.fingerprint
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if is_temporary(path):
                path.unlink(missing_ok=True)

    def is_committed(self, rows: RowRange) -> bool:
        """Tell whether a range needs no more work."""
        return (self._folder / f"{rows.name}.parquet").exists()

    def commit(
        self,
        rows: RowRange,
        table: pa.Table,
        sides: Mapping[str, pa.Table] | None = None,
        cost: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a range durable. The main file comes last: its presence is the commit."""
        for kind, side in (sides or {}).items():
            write_table(side, self._folder / f"{rows.name}.{kind}.parquet")
        if cost is not None:
            write_json(cost, self._folder / f"{rows.name}.cost.json")
        write_table(table, self._folder / f"{rows.name}.parquet")

    def finish(self) -> FinishedShard:
        """Check that the committed ranges follow one another from row 0 and make them what readers see.

        Raises:
            StoreError: a range is missing.
        """
        ranges = self._ranges()
        expected = 0
        for rows in ranges:
            if rows.start != expected:
                raise StoreError(
                    f"{self._folder}: rows {expected} to {rows.start} are not committed; materialize "
                    f"{self.key.asset} for {self.key.domain}|{self.key.shard} again."
                )
            expected = rows.stop
        counts = {
            rows.name: pq.read_metadata(self._folder / f"{rows.name}.parquet").num_rows for rows in ranges
        }
        manifest = {"configuration": self._configuration, "fingerprint": self.fingerprint, "parts": counts}
        write_json(manifest, self._folder / _MANIFEST)
        write_json({"fingerprint": self.fingerprint}, self._shard_folder / _CURRENT)
        return FinishedShard(self.key, self._folder, self.fingerprint, tuple(ranges), sum(counts.values()))

    def _ranges(self) -> list[RowRange]:
        return sorted(
            RowRange.of(path) for path in self._folder.glob("rows-*.parquet") if path.name.count(".") == 1
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished folder of a domain: seeds, annotations, a dataset, a checkpoint, a report."""

    folder: Path
    fingerprint: str
    reused: bool = False


class Store:
    """All files of the pipeline below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def writer(self, key: ShardKey, configuration: Mapping[str, Any]) -> ShardWriter:
        """Begin or resume a shard. Work of another configuration stands in another folder, untouched."""
        return ShardWriter(self._folder(key), key, configuration)

    def shard(self, key: ShardKey) -> FinishedShard:
        """The finished shard that readers use.

        Raises:
            StoreError: it was never finished; names the asset to materialize.
        """
        current = self._folder(key) / _CURRENT
        if not current.exists():
            raise StoreError(
                f"{key.asset} of {key.domain}|{key.shard} is not there ({current} is missing): "
                f"materialize {key.asset} for that partition first."
            )
        name = json.loads(current.read_text())["fingerprint"]
        folder = current.parent / name
        parts: dict[str, int] = json.loads((folder / _MANIFEST).read_text())["parts"]
        ranges = tuple(sorted(RowRange.of(Path(part)) for part in parts))
        return FinishedShard(key, folder, name, ranges, sum(parts.values()))

    def shards(self, domain: str, asset: str) -> tuple[FinishedShard, ...]:
        """All finished shards of an asset, by name."""
        names = sorted(path.parent.name for path in (self.root / domain / asset).glob(f"*/{_CURRENT}"))
        return tuple(self.shard(ShardKey(domain, asset, name)) for name in names)

    def keep_source(self, key: ShardKey, record: Mapping[str, Any]) -> None:
        """Keep which files a shard of raw documents was read from, once it is finished."""
        write_json(record, self._folder(key) / _SOURCE)

    def sources(self, domain: str) -> Iterator[tuple[str, Path]]:
        """The records of `keep_source`, by shard."""
        for path in (self.root / domain / "raw_documents").glob(f"*/{_SOURCE}"):
            yield path.parent.name, path

    def group_log(self, domain: str) -> GroupLog:
        """Which small files of a domain make one shard."""
        return GroupLog(self.root / domain / _GROUPS)

    def publish(
        self, domain: str, asset: str, configuration: Mapping[str, Any], build: Callable[[Path], None]
    ) -> Artifact:
        """Build a domain's artifact once for a configuration; the same configuration is not built twice.

        Once it is there, its partial folder is removed.
        """
        name = fingerprint(configuration)
        folder = self.root / domain / asset / name
        reused = folder.exists()
        if not reused:
            publish_folder(folder, build)
        shutil.rmtree(self.partial(domain, asset, configuration), ignore_errors=True)
        write_json({"fingerprint": name, "configuration": dict(configuration)}, folder.parent / _CURRENT)
        return Artifact(folder, name, reused)

    def partial(self, domain: str, asset: str, configuration: Mapping[str, Any]) -> Path:
        """Where a long build leaves what it goes on from after a kill; `build` makes the folder."""
        return self.root / domain / asset / f"{fingerprint(configuration)}.partial"

    def artifact(self, domain: str, asset: str) -> Artifact:
        """The artifact that readers use.

        Raises:
            StoreError: it was never built; names the asset to materialize.
        """
        current = self.root / domain / asset / _CURRENT
        if not current.exists():
            raise StoreError(
                f"{asset} of {domain} is not there ({current} is missing): "
                f"materialize {asset} for {domain} first."
            )
        name = json.loads(current.read_text())["fingerprint"]
        return Artifact(current.parent / name, name)

    def configuration(self, artifact: Artifact) -> dict[str, Any]:
        """What the artifact that readers use was built from.

        Raises:
            StoreError: readers use another one by now.
        """
        current = json.loads((artifact.folder.parent / _CURRENT).read_text())
        if current["fingerprint"] != artifact.fingerprint:
            raise StoreError(f"{artifact.folder} is no longer what readers use: ask for the artifact again.")
        configuration: dict[str, Any] = current["configuration"]
        return configuration

    def _folder(self, key: ShardKey) -> Path:
        return self.root / key.domain / key.asset / key.shard
