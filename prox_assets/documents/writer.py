"""Write a shard: row ranges, each committed by one rename, and with a remote by one upload."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.files import (
    clear_abandoned,
    exclusive,
    fingerprint,
    read_json,
    reading,
    write_json,
    write_table,
)
from prox_assets.documents.remote import Remote, stored_of
from prox_assets.documents.shards import CURRENT, MANIFEST, FinishedShard, RowRange, ShardKey, range_file
from prox_assets.errors import StoreError

Row = TypeVar("Row")

# A kill costs two ranges; of a hundred and more that is two in a hundred.
_RANGES = 100
# Under the first a range is not worth its file, over the second it is too much to hold a few of.
_LEAST, _MOST = 1_000_000, 8_000_000


def characters_per_range(shard_bytes: int) -> int:
    """How many characters a range of a shard may hold, by the size of its files.

    Files of a hundred million bytes and more have a hundred ranges at least, compressed ones more.
    """
    return min(max(shard_bytes // _RANGES, _LEAST), _MOST)


def batches(
    rows: Iterable[Row], most_rows: int, most_characters: int, size: Callable[[Row], int]
) -> Iterator[list[Row]]:
    """Cut `rows` into lists of at most `most_rows`; one ends with the row that reaches `most_characters`."""
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += size(row)
        if len(batch) == most_rows or characters >= most_characters:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


_LOG = logging.getLogger(__name__)
_LOCK = ".lock"


class ShardWriter:
    """Commits row ranges of one shard under one fingerprint.

    Each commit is whole or absent, whoever else writes the same shard. `exclusive` keeps processes of one
    machine, or on one file system with locks, from doing the same work at the same time.
    """

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
        clear_abandoned(self._folder)
        self._stored = set(remote.names(self._folder)) if remote is not None else set()

    def exclusive(self) -> contextlib.AbstractContextManager[None]:
        """Work on the shard alone for the duration of the block; wait for another process that does."""
        shard = f"{self.key.asset} of {self.key.domain}|{self.key.shard}"
        return exclusive(self._folder / _LOCK, f"{shard} ({self._folder})")

    def is_committed(self, rows: RowRange, counts: Mapping[str, int] | None = None) -> bool:
        """Tell whether a range needs no more work.

        A range whose files here are damaged, or have not the rows that they should have, is removed: it is
        fetched or done again. `counts`: rows of the main file (under "") and of side tables, where known.
        """
        path = self._folder / f"{rows.name}.parquet"
        if path.exists() and (damage := self._damage(rows, counts or {})):
            _LOG.warning("%s; rows %d to %d are done again.", damage, rows.start, rows.stop)
            for file in sorted(self._folder.glob(f"{rows.name}.*"), key=lambda file: file != path):
                file.unlink(missing_ok=True)
        if path.exists() and self._remote is not None and path.name not in self._stored:
            self._push(rows)
        return path.exists() or path.name in self._stored

    def _damage(self, rows: RowRange, counts: Mapping[str, int]) -> str:
        """What is wrong with the files of a range, by their footers; empty where nothing is."""
        tables = sorted(self._folder.glob(f"{rows.name}.*parquet"))
        sides = {path.name.split(".")[1]: path for path in tables if path.name.count(".") == 2}
        missing = [kind for kind in counts if kind and kind not in sides]
        if missing:
            return f"{self._folder / rows.name}.{missing[0]}.parquet: this file is missing"
        try:
            for path in tables:
                expected = counts.get(path.name.split(".")[1] if path.name.count(".") == 2 else "")
                _check_rows(path, rows, expected)
            if (cost := self._folder / f"{rows.name}.cost.json").exists():
                read_json(cost)
        except StoreError as error:
            return str(error).split(";")[0]
        return ""

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
        counts = {rows: _footer(self._folder / f"{rows.name}.parquet").num_rows for rows in ranges}
        manifest = {
            "configuration": self._configuration,
            "fingerprint": self.fingerprint,
            "parts": {rows.name: n_rows for rows, n_rows in counts.items()},
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
            if name.startswith("rows-") and not (self._folder / range_file(name, self._folder)).exists():
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


def _footer(path: Path) -> pq.FileMetaData:
    """The Parquet footer of a range's file.

    Raises:
        StoreError: it is missing or damaged.
    """
    with reading(path, "delete it, and materialize its asset again: the other ranges stay"):
        return pq.read_metadata(path)


def _check_rows(path: Path, rows: RowRange, expected: int | None) -> None:
    """Raise StoreError where a file has not the `expected` number of rows, or rows of another range."""
    footer = _footer(path)
    if expected is not None and footer.num_rows != expected:
        raise StoreError(f"{path}: it has {footer.num_rows} rows, not {expected}")
    names = footer.schema.names
    if "row" not in names:
        return
    for group in range(footer.num_row_groups):
        statistics = footer.row_group(group).column(names.index("row")).statistics
        if statistics is None or not statistics.has_min_max:
            continue
        if not rows.start <= statistics.min <= statistics.max < rows.stop:
            raise StoreError(f"{path}: it has rows {statistics.min} to {statistics.max}")
