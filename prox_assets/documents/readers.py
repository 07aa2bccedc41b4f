"""Rows of Parquet and JSONL files, one mapping a row, with bounded memory."""

import contextlib
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prox_assets.config import Columns
from prox_assets.documents.sources import ShardSource
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
    """Stream a shard's rows in file order.

    Raises:
        InputError: the file as a whole is damaged, or lacks a column that the catalogue names.
    """
    rows = _parquet_rows(source) if source.path.suffix == ".parquet" else _jsonl_rows(source.path)
    try:
        yield from rows
    except (pa.ArrowException, OSError, EOFError, zstandard.ZstdError) as error:
        raise InputError(f"{source.path}: the file is damaged ({error}); replace it.") from error


def _wanted(columns: Columns) -> list[str]:
    named = (columns.doc_id, columns.text, columns.url, columns.source, columns.language)
    return list(dict.fromkeys([name for name in named if name] + list(columns.metadata)))


def _parquet_rows(source: ShardSource) -> Iterator[SourceRow]:
    with pq.ParquetFile(source.path) as file:
        wanted = _wanted(source.columns)
        missing = [name for name in wanted if name not in file.schema_arrow.names]
        if missing:
            raise InputError(
                f"{source.path}: no column {', '.join(missing)}; the file has "
                f"{', '.join(file.schema_arrow.names)}. Correct `columns` in the catalogue."
            )
        row = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
            if row + len(batch) > source.row_start:
                for offset, values in enumerate(batch.to_pylist()):
                    if _inside(source, row + offset):
                        yield SourceRow(row + offset - source.row_start, values)
            row += len(batch)
            if source.row_stop is not None and row >= source.row_stop:
                return


def _inside(source: ShardSource, row: int) -> bool:
    return row >= source.row_start and (source.row_stop is None or row < source.row_stop)


@contextlib.contextmanager
def _open_binary(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=file) as unzipped:
                yield unzipped  # type: ignore[misc]
        elif path.suffix == ".zst":
            with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
                yield io.BufferedReader(stream)
        else:
            yield file


def _jsonl_rows(path: Path) -> Iterator[SourceRow]:
    row = 0
    with _open_binary(path) as file:
        for line in file:
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
