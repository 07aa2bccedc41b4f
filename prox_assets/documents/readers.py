"""Rows of Parquet and JSONL files, one mapping a row, with bounded memory."""

import contextlib
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prox_assets.config import Columns
from prox_assets.documents.formats import Compression
from prox_assets.documents.pieces import Piece
from prox_assets.documents.places import in_s3, opened, parquet_source
from prox_assets.documents.sources import FilePart, ShardSource
from prox_assets.errors import InputError

_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a file: its values, or why it has none. `raw` is the row as it stood, for a person."""

    row: int
    values: Mapping[str, Any] | None
    error: str = ""
    line: str = ""

    @property
    def raw(self) -> str:
        """The row as text: the JSONL line, or the Parquet row as JSON."""
        return self.line or json.dumps(dict(self.values or {}), default=str, ensure_ascii=True)


def read_rows(source: ShardSource) -> Iterator[SourceRow]:
    """Stream a shard's rows in the order of its parts, numbered from 0.

    Raises:
        InputError: a file as a whole is damaged, or lacks a column that the catalogue names.
    """
    start = 0
    for part in source.parts:
        row = -1
        for found in _part_rows(part, source.columns):
            row = found.row
            yield found if start == 0 else replace(found, row=start + row)
        start += row + 1


def _part_rows(part: FilePart, columns: Columns) -> Iterator[SourceRow]:
    rows = _parquet_rows(part, columns) if part.format.is_parquet else _jsonl_rows(part)
    try:
        yield from rows
    except FileNotFoundError as error:
        raise InputError(f"{part.place}: the file is gone; put it back.") from error
    except (pa.ArrowException, OSError, EOFError, zstandard.ZstdError) as error:
        remedy = "try again, or replace it" if in_s3(part.place) else "replace it"
        raise InputError(f"{part.place}: the file is damaged ({error}); {remedy}.") from error


def missing_columns(names: Sequence[str], columns: Columns) -> list[str]:
    """The columns that a catalogue names and a Parquet file lacks."""
    return [name for name in _wanted(columns) if name not in names]


def _wanted(columns: Columns) -> list[str]:
    named = (columns.doc_id, columns.text, columns.url, columns.source, columns.language)
    return list(dict.fromkeys([name for name in named if name] + list(columns.metadata)))


def _parquet_rows(part: FilePart, columns: Columns) -> Iterator[SourceRow]:
    with pq.ParquetFile(parquet_source(part.place)) as file:
        wanted = _wanted(columns)
        missing = missing_columns(file.schema_arrow.names, columns)
        if missing:
            raise InputError(
                f"{part.place}: no column {', '.join(missing)}; the file has "
                f"{', '.join(file.schema_arrow.names)}. Correct `columns` in the catalogue."
            )
        piece = part.piece
        groups, row = _row_groups(file, piece)
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups, columns=wanted):
            if row + len(batch) > piece.row_start:
                for offset, values in enumerate(batch.to_pylist()):
                    if _inside(piece, row + offset):
                        yield SourceRow(row + offset - piece.row_start, values)
            row += len(batch)
            if piece.row_stop is not None and row >= piece.row_stop:
                return


def _row_groups(file: pq.ParquetFile, piece: Piece) -> tuple[list[int], int]:
    """The row groups that hold a piece, and the number of the first row of the first of them."""
    chosen: list[int] = []
    first = row = 0
    for number in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if row + rows > piece.row_start and (piece.row_stop is None or row < piece.row_stop):
            first = first if chosen else row
            chosen.append(number)
        row += rows
    return chosen, first


def _inside(piece: Piece, row: int) -> bool:
    return row >= piece.row_start and (piece.row_stop is None or row < piece.row_stop)


def read_lines(part: FilePart) -> Iterator[bytes]:
    """The lines of a file that begin in a piece of it, unpacked, with their line ends."""
    piece = part.piece
    with opened(part.place, max(piece.byte_start - 1, 0)) as file:
        at = piece.byte_start
        if piece.byte_start:
            at += len(file.readline()) - 1  # the line that the former piece ends with
        with _unpacked(part.format.compression, file) as lines:
            for line in lines if piece.byte_stop is None or at < piece.byte_stop else ():
                yield line
                at += len(line)
                if piece.byte_stop is not None and at >= piece.byte_stop:
                    return


@contextlib.contextmanager
def _unpacked(compression: Compression, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if compression is Compression.GZIP:
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield unzipped  # type: ignore[misc]
    elif compression is Compression.ZSTD:
        with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
            yield io.BufferedReader(stream)
    else:
        yield file


def _jsonl_rows(part: FilePart) -> Iterator[SourceRow]:
    row = 0
    for line in read_lines(part):
        if line.strip():
            yield _parse_line(row, line)
            row += 1


def _parse_line(row: int, line: bytes) -> SourceRow:
    shown = line.decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return SourceRow(row, None, f"not JSON: {error}", shown)
    if not isinstance(values, dict):
        return SourceRow(row, None, f"a JSON {type(values).__name__}, not an object", shown)
    return SourceRow(row, values, line=shown.encode("utf-8", "backslashreplace").decode())
