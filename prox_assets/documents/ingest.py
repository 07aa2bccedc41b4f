"""User files to `raw_documents`: rows of one schema, and beside them the rejected rows with a reason each."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from prox_assets.config import Columns
from prox_assets.documents.ids import id_text, value_text
from prox_assets.documents.provenance import part_fingerprint, source_record
from prox_assets.documents.ranges import batches, characters_per_range
from prox_assets.documents.readers import SourceRow, read_rows
from prox_assets.documents.schema import RAW, REJECTED
from prox_assets.documents.sources import ShardSource, changed_parts
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.errors import InputError

_CODE_VERSION = "3"
Progress = Callable[[int], None]


def ingest(
    source: ShardSource, store: Store, domain: str, rows_per_commit: int, progress: Progress
) -> FinishedShard:
    """Write a shard's accepted and rejected rows; `progress` gets the rows done so far.

    Rows of the source are numbered from 0; each is in exactly one of the two tables. Memory is bounded by
    a range, of `rows_per_commit` rows and a hundredth of the shard, and 8 bytes a row to find ids that occur
    twice.

    Raises:
        InputError: a file as a whole cannot be read, or changed while it was read.
    """
    key = ShardKey(domain, "raw_documents", source.name)
    writer = store.writer(key, _configuration(source, rows_per_commit))
    seen: set[bytes] = set()
    characters = characters_per_range(sum(part.size for part in source.parts))
    start = 0
    for batch in batches(read_rows(source), rows_per_commit, characters, partial(_size, source.columns)):
        accepted, rejected = _sort_rows(batch, source, seen)
        part = RowRange(start, start + len(batch))
        if not writer.is_committed(part):
            writer.commit(part, accepted, {"rejected": rejected})
        start = part.stop
        progress(start)
    if start == 0:
        writer.commit(RowRange(0, 0), RAW.empty_table(), {"rejected": REJECTED.empty_table()})
    _refuse_changes(source)
    finished = writer.finish()
    store.keep_source(key, source_record(source))
    return finished


def _size(columns: Columns, row: SourceRow) -> int:
    """The characters of a row's text; those of the row itself where it has none."""
    text = None if row.values is None else row.values.get(columns.text)
    return len(text) if isinstance(text, str) else len(str(row.raw if text is None else text))


def _configuration(source: ShardSource, rows_per_commit: int) -> dict[str, Any]:
    configuration = {
        "asset": "raw_documents",
        "code": _CODE_VERSION,
        "columns": source.columns.model_dump(),
        "max_chars": source.max_chars,
        "rows_per_commit": rows_per_commit,
    }
    if len(source.parts) > 1:
        return configuration | {"files": [part_fingerprint(part) for part in source.parts]}
    (part,) = source.parts
    rows = [part.piece.row_start, part.piece.row_stop]
    return configuration | {"file": part_fingerprint(part), "rows": rows}


def _refuse_changes(source: ShardSource) -> None:
    """A file that changed under the reader's hands may have been read half old, half new."""
    for part in changed_parts(source):
        raise InputError(
            f"{part.place}: the file changed while it was read; materialize raw_documents of "
            f"{source.name} again once it is complete."
        )


def _sort_rows(batch: list[SourceRow], source: ShardSource, seen: set[bytes]) -> tuple[pa.Table, pa.Table]:
    accepted: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for row in batch:
        reason, detail = _objection(row, source, seen)
        if reason:
            rejected.append(_rejected(row, source.columns, reason, detail))
        else:
            accepted.append(_accepted(row.row, row.values or {}, source.columns))
    return pa.Table.from_pylist(accepted, RAW), pa.Table.from_pylist(rejected, REJECTED)


def _objection(row: SourceRow, source: ShardSource, seen: set[bytes]) -> tuple[str, str]:
    """Say why a row cannot be a document: a reason code and a detail, or two empty strings."""
    if row.values is None:
        return "unreadable", row.error
    text = _text(row.values.get(source.columns.text))
    objection = _text_objection(text, source.max_chars)
    if objection is not None:
        return objection
    value = row.values.get(source.columns.doc_id)
    doc_id = id_text(value)
    if doc_id is None:
        return "missing_id", _no_id(source.columns.doc_id, value)
    digest = hashlib.blake2b(doc_id.encode(), digest_size=8).digest()
    if digest in seen:
        return "duplicate_id", f"{doc_id!r:.200} stood in an earlier row of this shard"
    seen.add(digest)
    return "", ""


def _no_id(column: str, value: Any) -> str:
    if value is None or value == "":
        return f"column {column} is empty"
    return f"column {column} holds {_plain(repr(value)):.100} of type {type(value).__name__}, which is no id"


def _text(value: Any) -> Any:
    """A text, or a list of lines as files of line labels hold it."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return value


def _text_objection(text: Any, max_chars: int) -> tuple[str, str] | None:
    if text is None:
        return "missing_text", "the text column is null or absent"
    if not isinstance(text, str):
        return "not_text", f"the text column holds a {type(text).__name__}"
    if not text.strip():
        return "empty_text", "nothing but white space"
    if len(text) > max_chars:
        return "oversized_text", f"{len(text)} characters, more than max_chars {max_chars}"
    if not _encodable(text):
        return "unreadable", "the text holds lone surrogates, which no UTF-8 file can store"
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _accepted(row: int, values: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    metadata = {name: values[name] for name in columns.metadata if values.get(name) is not None}
    return {
        "row": row,
        "doc_id": id_text(values[columns.doc_id]),
        "text": _text(values[columns.text]),
        "url": _optional(values, columns.url),
        "source": _optional(values, columns.source),
        "language": _optional(values, columns.language),
        "metadata": json.dumps(metadata, default=str, sort_keys=True),
    }


def _optional(values: Mapping[str, Any], column: str | None) -> str | None:
    return value_text(values.get(column)) if column else None


def _plain(text: str) -> str:
    """Text that UTF-8 can hold; lone surrogates are written out as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _rejected(row: SourceRow, columns: Columns, reason: str, detail: str) -> dict[str, Any]:
    return {
        "row": row.row,
        "doc_id": _optional(row.values or {}, columns.doc_id),
        "reason": reason,
        "detail": detail,
        "raw": _plain(row.raw),
    }
