"""User files to `raw_documents`, and the ingest report: what became of every row, and why."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from prox_assets.config import Columns
from prox_assets.documents.files import read_json
from prox_assets.documents.formats.readers import (
    UNREADABLE,
    SourceRow,
    read_rows,
    wanted_columns,
)
from prox_assets.documents.ids import id_text, strict_json, value_text
from prox_assets.documents.provenance import part_fingerprint, source_record
from prox_assets.documents.schema import RAW, REJECTED
from prox_assets.documents.shards import MANIFEST
from prox_assets.documents.sources import ShardSource, changed_parts
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, ShardWriter, Store
from prox_assets.documents.writer import batches, characters_per_range
from prox_assets.errors import InputError, StoreError, one_line

_EXAMPLES = 3
_SHOWN_ID_CHARACTERS, _DETAIL_CHARACTERS = 80, 160
_NAMED_SHARDS = 3


@dataclass(frozen=True, slots=True)
class RejectedExample:
    """A rejected row: its number in the source from 0, its id if it has one, and what is wrong with it."""

    row: int
    doc_id: str | None
    detail: str

    def __str__(self) -> str:
        named = "" if self.doc_id is None else f" (id {self.doc_id})"
        return f"row {self.row}{named}: {self.detail}"


@dataclass(frozen=True, slots=True)
class RejectionReason:
    """How many rows were rejected for a reason, and the first of them."""

    reason: str
    rows: int
    examples: tuple[RejectedExample, ...]


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Rows in a shard's source, accepted ones, and rejected ones by reason; `rows` is the sum of the others.

    `absent_columns`: columns that the catalogue names and no row has, as far as rows could be read.
    """

    rows: int
    accepted: int
    reasons: tuple[RejectionReason, ...] = ()
    absent_columns: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """Rows that became no document."""
        return sum(reason.rows for reason in self.reasons)

    def lines(self, shard: str) -> list[str]:
        """The report as lines for a terminal."""
        lines = [f"{shard}: {self.rows:,} rows = {self.accepted:,} accepted + {self.rejected:,} rejected"]
        for reason in self.reasons:
            lines.append(f"  {reason.reason}: {reason.rows:,}")
            lines += [f"    {example}" for example in reason.examples]
        if self.absent_columns:
            lines.append(f"  columns that no row has: {', '.join(map(one_line, self.absent_columns))}")
        return lines


@dataclass(slots=True)
class IngestTally:
    """Counts rows as they are sorted into accepted and rejected ones."""

    columns: Sequence[str]
    rows: int = 0
    _readable: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, list[RejectedExample]] = field(default_factory=dict)
    _absent: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._absent = set(self.columns)

    def add(self, values: Mapping[str, Any], rejected: Mapping[str, Any] | None) -> None:
        """Count a row of these `values`, and its record in the table of rejected rows if it is there."""
        self.rows += 1
        self._readable += bool(values)
        if self._absent:
            self._absent.difference_update(values)
        if rejected is not None:
            reason = rejected["reason"]
            self._counts[reason] = self._counts.get(reason, 0) + 1
            examples = self._examples.setdefault(reason, [])
            if len(examples) < _EXAMPLES:
                examples.append(_example(rejected))

    def report(self) -> IngestReport:
        """The report of all rows counted; reasons with most rows come first."""
        counts = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        reasons = tuple(RejectionReason(name, rows, tuple(self._examples[name])) for name, rows in counts)
        accepted = self.rows - sum(self._counts.values())
        absent = [name for name in self.columns if name in self._absent] if self._readable else []
        return IngestReport(self.rows, accepted, reasons, tuple(absent))


def _example(rejected: Mapping[str, Any]) -> RejectedExample:
    doc_id = rejected["doc_id"]
    return RejectedExample(
        rejected["row"],
        None if doc_id is None else one_line(doc_id, _SHOWN_ID_CHARACTERS),
        one_line(rejected["detail"], _DETAIL_CHARACTERS),
    )


def manifest_entry(report: IngestReport) -> dict[str, Any]:
    """What the manifest of a shard of raw documents holds of its report."""
    return {"ingest": asdict(report)}


def ingest_report(finished: FinishedShard) -> IngestReport:
    """Read the report that is stored with a finished shard of raw documents.

    Raises:
        StoreError: an earlier version ingested the shard, without a report.
    """
    entry = read_json(finished.folder / MANIFEST).get("ingest")
    if entry is None:
        raise StoreError(
            f"{finished.folder}: no ingest report is stored here; materialize raw_documents of "
            f"{finished.key.domain}|{finished.key.shard} again."
        )
    reasons = tuple(
        RejectionReason(
            reason["reason"],
            reason["rows"],
            tuple(RejectedExample(**example) for example in reason["examples"]),
        )
        for reason in entry["reasons"]
    )
    return IngestReport(entry["rows"], entry["accepted"], reasons, tuple(entry["absent_columns"]))


def distrust(reports: Mapping[str, IngestReport], max_rejected_share: float) -> list[str]:
    """Say why the documents of these shards, by name, should not be used as they are; nothing where they may.

    A shard without documents, one of which more than `max_rejected_share` of the rows were rejected, and a
    column that the catalogue names and no row of any shard has.
    """
    distrusted = [
        shard
        for shard, report in reports.items()
        if not report.accepted or report.rejected > max_rejected_share * report.rows
    ]
    bad = [_distrusted(shard, reports[shard], max_rejected_share) for shard in distrusted]
    reasons = []
    if bad:
        more = f"; and {len(bad) - _NAMED_SHARDS:,} more shards" if len(bad) > _NAMED_SHARDS else ""
        remedy = "Correct the input"
        if any(reports[shard].accepted for shard in distrusted):
            remedy += ", or raise max_rejected_share where so many rows are to be rejected"
        reasons.append(f"{'; '.join(bad[:_NAMED_SHARDS])}{more}. {remedy}.")
    absent = _absent_everywhere(list(reports.values()))
    if absent:
        reasons.append(f"No row has the column {', '.join(map(one_line, absent))}; correct `columns`.")
    return reasons


def _distrusted(shard: str, report: IngestReport, max_rejected_share: float) -> str:
    if not report.rows:
        return f"{shard} has no rows"
    counts = ", ".join(f"{reason.reason} {reason.rows:,}" for reason in report.reasons)
    return (
        f"{shard}: {report.rejected:,} of {report.rows:,} rows were rejected ({counts}), and at most "
        f"{max_rejected_share:.0%} may be"
    )


def _absent_everywhere(reports: Sequence[IngestReport]) -> list[str]:
    with_rows = [set(report.absent_columns) for report in reports if report.rows]
    return sorted(set.intersection(*with_rows)) if with_rows else []


CODE_VERSION = "4"
_ID_CHARACTERS = 1_000
Progress = Callable[[int], None]


def ingest(
    source: ShardSource, store: Store, domain: str, rows_per_commit: int, progress: Progress
) -> FinishedShard:
    """Write a shard's accepted and rejected rows; `progress` gets the rows done so far.

    Rows of the source are numbered from 0; each is in exactly one of the two tables, and the ingest report in
    the shard's manifest counts both. Memory is bounded by a range, of `rows_per_commit` rows and a hundredth
    of the shard, and 8 bytes a row to find ids that occur twice.

    Raises:
        InputError: a file as a whole cannot be read, or changed while it was read.
    """
    key = ShardKey(domain, "raw_documents", source.name)
    writer = store.writer(key, _configuration(source, rows_per_commit))
    tally = IngestTally(wanted_columns(source.columns))
    with writer.exclusive():
        _write_ranges(writer, source, rows_per_commit, tally, progress)
        _refuse_changes(source)
        finished = writer.finish(manifest_entry(tally.report()))
    store.keep_source(key, source_record(source))
    return finished


def _write_ranges(
    writer: ShardWriter, source: ShardSource, rows_per_commit: int, tally: IngestTally, progress: Progress
) -> None:
    """Commit each range that is not committed yet; rows are read all the same, for ids that occur twice."""
    characters = characters_per_range(sum(part.size for part in source.parts))
    start = 0
    for batch in batches(_sorted_rows(source, tally), rows_per_commit, characters, _characters):
        part = RowRange(start, start + len(batch))
        kept = sum(row.is_accepted for row in batch)
        if not writer.is_committed(part, {"": kept, "rejected": len(batch) - kept}):
            accepted, rejected = _tables(batch)
            writer.commit(part, accepted, {"rejected": rejected})
        start = part.stop
        progress(start)
    if start == 0:
        writer.commit(RowRange(0, 0), RAW.empty_table(), {"rejected": REJECTED.empty_table()})


def _configuration(source: ShardSource, rows_per_commit: int) -> dict[str, Any]:
    configuration = {
        "asset": "raw_documents",
        "code": CODE_VERSION,
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


@dataclass(frozen=True, slots=True)
class _SortedRow:
    """The record of a row in one of the two tables."""

    record: dict[str, Any]
    is_accepted: bool


def _sorted_rows(source: ShardSource, tally: IngestTally) -> Iterator[_SortedRow]:
    seen: set[bytes] = set()
    for row in read_rows(source):
        sorted_row = _sort_row(row, source, seen)
        tally.add(row.values, None if sorted_row.is_accepted else sorted_row.record)
        yield sorted_row


def _sort_row(row: SourceRow, source: ShardSource, seen: set[bytes]) -> _SortedRow:
    reason, detail = _objection(row, source, seen)
    if not reason:
        try:
            return _SortedRow(_accepted(row.row, row.values, source.columns), True)
        except RecursionError:
            reason, detail = UNREADABLE, "lists and objects in its columns are nested too deeply"
    return _SortedRow(_rejected(row, source.columns, reason, detail), False)


def _characters(row: _SortedRow) -> int:
    """The characters that a row's record holds, its metadata among them."""
    return sum(len(value) for value in row.record.values() if isinstance(value, str))


def _tables(batch: list[_SortedRow]) -> tuple[pa.Table, pa.Table]:
    accepted = [row.record for row in batch if row.is_accepted]
    rejected = [row.record for row in batch if not row.is_accepted]
    return pa.Table.from_pylist(accepted, RAW), pa.Table.from_pylist(rejected, REJECTED)


def _objection(row: SourceRow, source: ShardSource, seen: set[bytes]) -> tuple[str, str]:
    """Say why a row cannot be a document: a reason code and a detail, or two empty strings."""
    if row.reason:
        return row.reason, row.detail
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
    """A text; lines as files of line labels hold them are joined, and bytes of UTF-8 are decoded."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
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
        "metadata": strict_json(metadata),
    }


def _optional(values: Mapping[str, Any], column: str | None) -> str | None:
    return value_text(values.get(column)) if column else None


def _plain(text: str) -> str:
    """Text that UTF-8 can hold; lone surrogates are written out as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _rejected(row: SourceRow, columns: Columns, reason: str, detail: str) -> dict[str, Any]:
    doc_id = _optional(row.values, columns.doc_id)
    return {
        "row": row.row,
        "doc_id": None if doc_id is None else doc_id[:_ID_CHARACTERS],
        "reason": reason,
        "detail": one_line(detail),
        "raw": _plain(row.raw),
    }
