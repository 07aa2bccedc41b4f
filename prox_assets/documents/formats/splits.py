"""How a large file is cut into pieces: a function of its size, or of its Parquet footer, alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.filesystem import FoundFile, parquet_source
from prox_assets.documents.formats.compression import known_format
from prox_assets.errors import InputError, one_line


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of a Parquet file, or bytes of a file of lines; a stop of None is the end of the file.

    A line belongs to the piece that its first byte lies in. Of Parquet, the bytes are those of the row groups
    that hold the rows.
    """

    row_start: int = 0
    row_stop: int | None = None
    byte_start: int = 0
    byte_stop: int | None = None

    def overlaps(self, other: "Split") -> bool:
        """Tell whether a row may be in both."""
        return _overlap(self.row_start, self.row_stop, other.row_start, other.row_stop) and _overlap(
            self.byte_start, self.byte_stop, other.byte_start, other.byte_stop
        )


WHOLE = Split()


def _overlap(start: int, stop: int | None, other_start: int, other_stop: int | None) -> bool:
    return (other_stop is None or start < other_stop) and (stop is None or other_start < stop)


def pieces_of(file: FoundFile, rows_per_shard: int | None, shard_bytes: int | None) -> tuple[Split, ...]:
    """Cut a file as its input asks for it; one piece that is all of it where nothing is to be cut.

    Raises:
        InputError: the file cannot be cut, or its footer not be read.
    """
    if rows_per_shard is not None:
        return _by_rows(file, rows_per_shard)
    if shard_bytes is None or file.size <= shard_bytes:
        return (WHOLE,)
    kind = known_format(file.name)
    if kind.is_parquet:
        return _by_row_groups(file, shard_bytes)
    if not kind.is_splittable:
        raise InputError(
            f"{file.size:,} bytes that are compressed as a whole cannot be cut into shards of "
            f"{shard_bytes:,}; write Parquet or plain .jsonl, smaller files, or raise shard_bytes."
        )
    count = -(-file.size // shard_bytes)
    bounds = [file.size * number // count for number in range(count + 1)]
    return tuple(Split(byte_start=bounds[n], byte_stop=bounds[n + 1]) for n in range(count))


def is_encrypted(error: Exception) -> bool:
    """Tell an encrypted Parquet file, which is sound, from a damaged one by the error of opening it."""
    return "encrypted" in str(error)


@lru_cache(maxsize=65_536)
def footer(file: FoundFile) -> "Footer":
    """The Parquet metadata of a file as it was at a time.

    Raises:
        InputError: there is no footer, or it is encrypted.
    """
    try:
        with pq.ParquetFile(parquet_source(file.place)) as parquet:
            names = tuple(parquet.schema_arrow.names)
            return Footer(parquet.metadata.num_rows, names, tuple(_row_groups(parquet.metadata)))
    except (pa.ArrowException, OSError) as error:
        if is_encrypted(error):
            raise InputError("the Parquet file is encrypted; decrypt it first.") from error
        raise InputError(f"no Parquet footer can be read ({one_line(error)}); replace the file.") from error


@dataclass(frozen=True, slots=True)
class _RowGroup:
    rows: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What is needed of a Parquet footer: rows, columns, and where each row group lies."""

    rows: int
    columns: tuple[str, ...]
    row_groups: tuple[_RowGroup, ...]


def _row_groups(metadata: Any) -> Iterator[_RowGroup]:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(index) for index in range(group.num_columns)]
        starts = [
            min(one.data_page_offset, one.dictionary_page_offset or one.data_page_offset) for one in columns
        ]
        stops = [start + one.total_compressed_size for start, one in zip(starts, columns, strict=True)]
        yield _RowGroup(group.num_rows, min(starts), max(stops))


def _by_rows(file: FoundFile, rows_per_shard: int) -> tuple[Split, ...]:
    if not known_format(file.name).is_parquet:
        raise InputError("rows_per_shard splits Parquet files only; split this file, or drop the key.")
    rows = footer(file).rows
    starts = range(0, rows, rows_per_shard)
    return tuple(Split(start, min(start + rows_per_shard, rows)) for start in starts)


@lru_cache(maxsize=4096)
def _by_row_groups(file: FoundFile, shard_bytes: int) -> tuple[Split, ...]:
    """Fill pieces with row groups; one that is larger than a shard is cut by its rows."""
    pieces: list[Split] = []
    row, open_piece = 0, None
    for group in footer(file).row_groups:
        if open_piece is not None and group.stop - open_piece.byte_start > shard_bytes:
            pieces.append(open_piece)
            open_piece = None
        if group.stop - group.start > shard_bytes:
            pieces.extend(_by_rows_of(group, row, shard_bytes))
        elif open_piece is None:
            open_piece = Split(row, row + group.rows, group.start, group.stop)
        else:
            open_piece = Split(open_piece.row_start, row + group.rows, open_piece.byte_start, group.stop)
        row += group.rows
    return (*pieces, open_piece) if open_piece is not None else tuple(pieces)


def _by_rows_of(group: _RowGroup, first: int, shard_bytes: int) -> Iterator[Split]:
    count = min(group.rows, -(-(group.stop - group.start) // shard_bytes))
    bounds = [first + group.rows * number // count for number in range(count + 1)]
    for number in range(count):
        yield Split(bounds[number], bounds[number + 1], group.start, group.stop)
