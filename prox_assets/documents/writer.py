"""Writing a shard: row ranges, each committed by one rename, and with a remote by one upload."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.files import is_temporary, write_json, write_table
from prox_assets.documents.fingerprint import fingerprint
from prox_assets.documents.remote import Remote, stored_of
from prox_assets.documents.shards import CURRENT, MANIFEST, FinishedShard, RowRange, ShardKey
from prox_assets.errors import StoreError


class ShardWriter:
    """Commits row ranges of one shard under one fingerprint."""

    def __init__(
        self, folder: Path, key: ShardKey, configuration: Mapping[str, Any], remote: Remote | None = None
    ) -> None:
        self.key = key
        self._remote = remote
        self.fingerprint = fingerprint(configuration)
        self._configuration = dict(configuration)
        self._shard_folder = folder
        self._folder = folder / self.fingerprint
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if is_temporary(path):
                path.unlink(missing_ok=True)
        self._stored = set(remote.names(self._folder)) if remote is not None else set()

    def is_committed(self, rows: RowRange) -> bool:
        """Tell whether a range needs no more work."""
        path = self._folder / f"{rows.name}.parquet"
        if self._remote is None or path.name in self._stored:
            return path.exists() or path.name in self._stored
        if path.exists():
            self._push(rows)
        return path.exists()

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
        self._push(rows)

    def finish(self, record: Mapping[str, Any] | None = None) -> FinishedShard:
        """Check that the committed ranges follow one another from row 0 and make them what readers see.

        `record`: what else the manifest is to say of the shard; the same for the same configuration.

        Raises:
            StoreError: a range is missing.
        """
        objects = self._exchange()
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
        manifest = {
            "configuration": self._configuration,
            "fingerprint": self.fingerprint,
            "parts": counts,
            **objects,
            **(record or {}),
        }
        self._write(manifest, self._folder / MANIFEST)
        self._write({"fingerprint": self.fingerprint}, self._shard_folder / CURRENT)
        return FinishedShard(self.key, self._folder, self.fingerprint, tuple(ranges), sum(counts.values()))

    def _write(self, value: Mapping[str, Any], path: Path) -> None:
        write_json(value, path)
        if self._remote is not None:
            self._remote.push(path)

    def _push(self, rows: RowRange) -> None:
        """Put a range into S3; the main file comes last there too."""
        if self._remote is None:
            return
        main = self._folder / f"{rows.name}.parquet"
        for side in sorted(self._folder.glob(f"{rows.name}.*")):
            if side != main:
                self._remote.push(side)
        self._remote.push(main)
        self._stored.add(main.name)

    def _exchange(self) -> dict[str, Any]:
        """Have every range both here and in S3; returns what the manifest says of the files.

        It says nothing of what ranges cost: machines that did the same range measured different times.
        """
        if self._remote is None:
            return {}
        there = self._remote.names(self._folder)
        for name in there:
            if name.startswith("rows-") and not (self._folder / name).exists():
                self._remote.pull(self._folder / name)
        for rows in self._ranges():
            if f"{rows.name}.parquet" not in there:
                self._push(rows)
        files = sorted(self._folder.glob("rows-*.parquet"))
        return {"files": {path.name: asdict(stored_of(path)) for path in files}}

    def _ranges(self) -> list[RowRange]:
        return sorted(
            RowRange.of(path) for path in self._folder.glob("rows-*.parquet") if path.name.count(".") == 1
        )
