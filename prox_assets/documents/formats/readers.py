"""Rows of Parquet and JSONL files, one mapping a row, with bounded memory."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.config import Columns
from prox_assets.documents.discovery import printable
from prox_assets.documents.filesystem import FoundFile, in_s3, opened, parquet_source
from prox_assets.documents.formats.compression import decompressed
from prox_assets.documents.formats.splits import Split, footer, is_encrypted
from prox_assets.documents.ids import strict_json, value_text
from prox_assets.documents.sources import FilePart, ShardSource
from prox_assets.errors import InputError, one_line

UNREADABLE, OVERSIZED = "unreadable", "oversized"

_BATCH_ROWS = 256
_BLOCK_BYTES = 1 << 20
# JSON may write a character of a text in six bytes ("\u00e9"); the rest is for a row's other columns.
_BYTES_PER_CHARACTER, _OTHER_BYTES = 6, 1 << 24
_RAW_CHARACTERS = 20_000
_RAW_BYTES = 4 * _RAW_CHARACTERS
_SURVEYED_FILES, _SURVEYED_ROWS = 100, 1_000
_LISTED_NAMES = 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNCONVERTIBLE = (ValueError, ArithmeticError, LookupError, TypeError, NotImplementedError, pa.ArrowException)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a file: its values, and where these are not all of the row, a `reason` code and a `detail`.

    `line`: the JSONL line, or what is kept of a long one.
    """

    row: int
    values: Mapping[str, Any]
    reason: str = ""
    detail: str = ""
    line: bytes = b""

    @property
    def raw(self) -> str:
        """The row as text, at most 20,000 characters of it: the JSONL line, or the Parquet row as JSON."""
        if self.line:
            line = self.line[:_RAW_BYTES].decode("utf-8", "backslashreplace").rstrip("\r\n")
            return line[:_RAW_CHARACTERS]
        return strict_json(self.values)[:_RAW_CHARACTERS]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line: its content with the line end, and its size in bytes, which may be more than what is kept."""

    content: bytes
    size: int


def read_rows(source: ShardSource) -> Iterator[SourceRow]:
    """Stream a shard's rows in the order of its parts, numbered from 0.

    Raises:
        InputError: a file as a whole is damaged, is not what its name says, or lacks a column that the
            catalogue names.
    """
    start = 0
    for part in source.parts:
        number = -1
        for row in _part_rows(part, source):
            number = row.row
            yield row if start == 0 else replace(row, row=start + number)
        start += number + 1


def missing_columns(names: Sequence[str], columns: Columns) -> list[str]:
    """The columns that a catalogue names and a Parquet file lacks."""
    return [name for name in wanted_columns(columns) if name not in names]


def wanted_columns(columns: Columns) -> list[str]:
    """The columns that a catalogue names, each once."""
    named = (columns.doc_id, columns.text, columns.url, columns.source, columns.language)
    return list(dict.fromkeys([name for name in named if name] + list(columns.metadata)))


def refuse_absent_columns(sources: Sequence[ShardSource], columns: Columns) -> None:
    """Look at the first rows of an input for each column that is named, before anything else is done.

    At most 1,000 rows of each of the first 100 files are read, and usually one. Whether a column other than
    the id and the text occurs in a later row cannot be told then; the ingest report says it.

    Raises:
        InputError: a column is in no row; the line lists those that are there. Or a file cannot be read.
    """
    names: dict[str, None] = {}
    rows, complete = 0, True
    parts = [(part, source) for source in sources for part in source.parts]
    for part, source in parts[:_SURVEYED_FILES]:
        if not missing_columns(list(names), columns):
            return
        if part.format.is_parquet:
            present = _footer_columns(part)
            _refuse_columns(printable(part.place), present, columns)
            names.update(dict.fromkeys(present))
            continue
        for number, row in enumerate(_part_rows(part, source), start=1):
            rows += bool(row.values)
            names.update(dict.fromkeys(row.values))
            if not missing_columns(list(names), columns):
                return
            if number == _SURVEYED_ROWS:
                complete = False
                break
    complete = complete and len(parts) <= _SURVEYED_FILES
    required = (columns.doc_id, columns.text)
    absent = [name for name in missing_columns(list(names), columns) if complete or name in required]
    if rows and absent:
        where = printable(parts[0][0].place) + (f" and {len(parts) - 1:,} more" if len(parts) > 1 else "")
        looked_at = f"no row of {rows:,}" if complete else f"none of the first {rows:,} rows"
        raise InputError(
            f"{where}: {looked_at} has the column {_listed(absent)}; the rows have: {_listed(list(names))}. "
            f"{_CORRECT_COLUMNS}"
        )


_CORRECT_COLUMNS = "Correct `columns` in the catalogue, or pass --id-column and --text-column."


def _footer_columns(part: FilePart) -> tuple[str, ...]:
    try:
        return footer(FoundFile(part.place, "", part.size, part.modified)).columns
    except InputError as error:
        raise InputError(f"{printable(part.place)}: {error}") from error


def _refuse_columns(place: str, names: Sequence[str], columns: Columns) -> None:
    """Refuse a Parquet file that lacks a column that is wanted, or has two of its name."""
    missing = missing_columns(names, columns)
    if missing:
        raise InputError(
            f"{place}: no column {_listed(missing)}; the file has {_listed(names)}. {_CORRECT_COLUMNS}"
        )
    twice = [name for name in wanted_columns(columns) if list(names).count(name) > 1]
    if twice:
        raise InputError(f"{place}: the file has two columns {_listed(twice)}; rename one of them.")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED_NAMES
    shown = ", ".join(one_line(name, 60) for name in names[:_LISTED_NAMES])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _part_rows(part: FilePart, source: ShardSource) -> Iterator[SourceRow]:
    most_bytes = _BYTES_PER_CHARACTER * source.max_chars + _OTHER_BYTES
    rows = _parquet_rows if part.format.is_parquet else _jsonl_rows
    try:
        yield from rows(part, source.columns, most_bytes)
    except FileNotFoundError as error:
        raise InputError(f"{printable(part.place)}: the file is gone; put it back.") from error
    except pa.ArrowNotImplementedError as error:
        raise InputError(
            f"{printable(part.place)}: the file cannot be read ({one_line(error)}); write it with smaller "
            "row groups or plainer types."
        ) from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"the file cannot be read ({error.strerror}); make it readable, and try again"
        elif is_encrypted(error):
            reason = "the Parquet file is encrypted; decrypt it first"
        elif in_s3(part.place):
            reason = f"the file is damaged, or S3 failed ({one_line(error)}); try again, or replace it"
        else:
            reason = f"the file is damaged ({one_line(error)}); replace it"
        raise InputError(f"{printable(part.place)}: {reason}.") from error


def _parquet_rows(part: FilePart, columns: Columns, most_bytes: int) -> Iterator[SourceRow]:
    with pq.ParquetFile(parquet_source(part.place), page_checksum_verification=True) as file:
        _refuse_columns(printable(part.place), file.schema_arrow.names, columns)
        piece, wanted = part.piece, wanted_columns(columns)
        groups, row = _row_groups(file, piece)
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups, columns=wanted):
            first = max(piece.row_start - row, 0)
            stop = len(batch) if piece.row_stop is None else min(piece.row_stop - row, len(batch))
            if first < stop:
                inside = batch.slice(first, stop - first)
                yield from _batch_rows(inside, row + first - piece.row_start, columns.doc_id, most_bytes)
            row += len(batch)
            if piece.row_stop is not None and row >= piece.row_stop:
                return


def _row_groups(file: pq.ParquetFile, piece: Split) -> tuple[list[int], int]:
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


def _batch_rows(batch: pa.RecordBatch, row: int, doc_id: str, most_bytes: int) -> Iterator[SourceRow]:
    """Turn the rows of a batch into Python, one by one where they cannot be turned all at once."""
    # Python's types lack nanoseconds and years over 9999; an id is told apart by them.
    has_exact_ids = pa.types.is_temporal(batch.schema.field(doc_id).type)
    if batch.nbytes <= most_bytes and not has_exact_ids:
        try:
            values = batch.to_pylist()
        except _UNCONVERTIBLE:
            pass
        else:
            yield from (SourceRow(row + offset, named) for offset, named in enumerate(values))
            return
    kept_as_they_are = {doc_id} if has_exact_ids else set()
    for offset in range(len(batch)):
        yield _single_row(batch, offset, row + offset, kept_as_they_are, most_bytes)


def _single_row(
    batch: pa.RecordBatch, offset: int, row: int, kept_as_they_are: set[str], most_bytes: int
) -> SourceRow:
    """A row of a batch that has a value too large, or one that cannot or must not be turned into Python."""
    sizes = {name: _value_bytes(batch.column(name), offset) for name in batch.schema.names}
    total = sum(sizes.values())
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name in batch.schema.names:
        value = batch.column(name)[offset]
        if total > most_bytes and sizes[name] > _RAW_BYTES:
            continue
        try:
            values[name] = value if name in kept_as_they_are else value.as_py()
        except _UNCONVERTIBLE as error:
            faults.append(f"column {name}: {_fault(error)}")
            values[name] = _stand_in(value)
    if total > most_bytes:
        return SourceRow(row, values, OVERSIZED, _too_many_bytes(total, most_bytes))
    return SourceRow(row, values, UNREADABLE if faults else "", "; ".join(faults))


def _value_bytes(column: pa.Array, offset: int) -> int:
    value = column[offset]
    if isinstance(value, pa.DictionaryScalar):
        value = value.value
    if hasattr(value, "as_buffer"):
        return value.as_buffer().size if value.is_valid else 0
    return int(column.slice(offset, 1).nbytes)


def _stand_in(value: pa.Scalar) -> str | None:
    """What a person sees of a value that Python cannot hold."""
    if isinstance(value, pa.DictionaryScalar):
        value = value.value
    if hasattr(value, "as_buffer"):
        return bytes(value.as_buffer()).decode("utf-8", "backslashreplace")
    return value_text(value)


def _fault(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (byte 0x{error.object[error.start]:02x} at {error.start:,})"
    return f"Python cannot hold the value ({type(error).__name__}: {one_line(error)})"


def _too_many_bytes(size: int, most_bytes: int) -> str:
    return (
        f"the row has {size:,} bytes, more than the {most_bytes:,} that are read of one "
        f"({_BYTES_PER_CHARACTER} for each of max_chars, and {_OTHER_BYTES:,})"
    )


def read_lines(part: FilePart, most_bytes: int) -> Iterator[SourceLine]:
    """Stream the lines that begin in a piece of a file; of one over `most_bytes` only the beginning is kept.

    Raises:
        InputError: the file is damaged, or is not UTF-8 with one JSON object a line.
    """
    blocks: list[bytes] = []
    size = 0
    for block in line_blocks(part):
        size += len(block)
        if size - len(block) <= most_bytes:
            blocks.append(block)
        if block.endswith(b"\n"):
            yield SourceLine(b"".join(blocks), size)
            blocks, size = [], 0
    if blocks:
        yield SourceLine(b"".join(blocks), size)


def line_blocks(part: FilePart) -> Iterator[bytes]:
    """Stream the lines that begin in a piece of a file, with their ends; one over 1 MiB in several blocks.

    Raises:
        InputError: the file is damaged, or is not UTF-8 with one JSON object a line.
    """
    piece = part.piece
    with opened(part.place, max(piece.byte_start - 1, 0)) as file:
        at = piece.byte_start
        if piece.byte_start:
            at += _skip_line(file) - 1  # the line that the former piece ends with
        lines = decompressed(printable(part.place), part.format.compression, file)
        head = _first_bytes(part.place) if piece.byte_start else lines.peek()
        _refuse_other_layouts(printable(part.place), head)
        while piece.byte_stop is None or at < piece.byte_stop:
            block = b""
            while not block.endswith(b"\n"):
                block = lines.readline(_BLOCK_BYTES)
                if not block:
                    return
                yield block
                at += len(block)


def _skip_line(file: Any) -> int:
    size = 0
    while block := file.readline(_BLOCK_BYTES):
        size += len(block)
        if block.endswith(b"\n"):
            break
    return size


def _first_bytes(place: str) -> bytes:
    with opened(place) as file:
        return file.peek()


_JSON_BEGINS = re.compile(r"\s*[\[{]\s*(?:[\"{}\[\]]|$)")
_ARRAY_BEGINS = re.compile(rb"\[\s*(?:\{|\]|$)")
_RETURN_ENDS_LINES = re.compile(rb"[^\n]*\}[ \t]*\r[ \t]*\{[^\n]*")


def _refuse_other_layouts(place: str, head: bytes) -> None:
    """Refuse a file whose first bytes show that its lines are no JSON in UTF-8; `head` may be all of it."""
    encoding = json.detect_encoding(head[:4])
    marked = encoding in ("utf-16", "utf-32")
    if marked or (encoding[:5] != "utf-8" and _JSON_BEGINS.match(head[:64].decode(encoding, "replace"))):
        name = encoding.upper().replace("-LE", "LE").replace("-BE", "BE")
        raise InputError(f"{place}: the file is {name}, not UTF-8; convert it (iconv -f {name} -t UTF-8).")
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    first_line, _, rest = text.partition(b"\n")
    first_line = first_line.strip()
    if first_line == b"{" or (
        _ARRAY_BEGINS.match(first_line) and not (rest.strip() and _is_json(first_line))
    ):
        what, program = (
            ("an array", ".[]") if first_line.startswith(b"[") else ("objects over several lines", ".")
        )
        raise InputError(
            f"{place}: the file holds {what}, not one JSON object a line; convert it (jq -c '{program}')."
        )
    if _RETURN_ENDS_LINES.fullmatch(text):
        raise InputError(
            f"{place}: carriage returns alone end the lines; end them with line feeds (tr '\\r' '\\n')."
        )


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _jsonl_rows(part: FilePart, columns: Columns, most_bytes: int) -> Iterator[SourceRow]:
    wanted = frozenset(wanted_columns(columns))
    row = 0
    for line in read_lines(part, most_bytes):
        if line.content.removeprefix(_BYTE_ORDER_MARK).strip():
            yield _parse_line(row, line, wanted, most_bytes)
            row += 1


class _AmbiguousObject(dict[str, Any]):
    """An object that has two values for one key; `repeated` holds such keys."""

    repeated: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    ambiguous = _AmbiguousObject(values)
    ambiguous.repeated = frozenset(name for name, value in pairs if values[name] != value)
    return ambiguous


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _parse_line(row: int, line: SourceLine, wanted: frozenset[str], most_bytes: int) -> SourceRow:
    if line.size > most_bytes:
        return SourceRow(
            row, {}, OVERSIZED, _too_many_bytes(line.size, most_bytes), line.content[:_RAW_BYTES]
        )
    try:
        values = _DECODER.decode(line.content.removeprefix(_BYTE_ORDER_MARK).decode())
    except (ValueError, RecursionError) as error:
        return SourceRow(row, {}, UNREADABLE, _why_not_json(line.content, error), line.content)
    if not isinstance(values, dict):
        detail = f"a JSON {type(values).__name__}, not an object"
        return SourceRow(row, {}, UNREADABLE, detail, line.content)
    repeated = wanted & values.repeated if isinstance(values, _AmbiguousObject) else ()
    if repeated:
        detail = f"two values of one key: {_listed(sorted(repeated))}"
        return SourceRow(row, values, UNREADABLE, detail, line.content)
    return SourceRow(row, values, line=line.content)


def _why_not_json(line: bytes, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{_fault(error)}; convert the file to UTF-8"
    if isinstance(error, RecursionError):
        return "not JSON that can be read: lists and objects are nested too deeply"
    if not line.strip(b"\0\r\n"):
        return f"{len(line):,} NUL bytes and no JSON: the file was not written to its end"
    if not isinstance(error, json.JSONDecodeError):
        return "not JSON that can be read: a number has more than 4,300 digits"
    hint = "; carriage returns do not end lines here" if b"\r" in line.rstrip(b"\r\n") else ""
    return f"not JSON: {error}{hint}"
