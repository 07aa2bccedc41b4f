"""The ingest report: what became of the rows of a source, and why those that were rejected were."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prox_assets.documents.files import read_json
from prox_assets.documents.shards import MANIFEST, FinishedShard
from prox_assets.errors import StoreError, one_line

_EXAMPLES = 3
_ID_CHARACTERS, _DETAIL_CHARACTERS = 80, 160
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
        None if doc_id is None else one_line(doc_id, _ID_CHARACTERS),
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
