"""Verdicts made into labels: some to teach with, and those of held-out documents to measure refiners on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.documents.files import write_table
from prox_assets.documents.store import ShardKey, Store
from prox_assets.errors import InputError
from prox_assets.quality.sections import text_digest
from prox_assets.review.verdicts import LineVerdict, Verdict
from prox_assets.teacher.holdout import Holdout
from prox_assets.teacher.label_files import read_line_labels

_SPAN = pa.struct([("line", pa.int32()), ("start", pa.int32()), ("stop", pa.int32())])
LABELS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("lines", pa.list_(pa.string()), nullable=False),
        pa.field("is_noise", pa.list_(pa.bool_()), nullable=False),
        pa.field("ambiguous", pa.list_(pa.bool_()), nullable=False),
        pa.field("spans", pa.list_(_SPAN), nullable=False),
        pa.field("keep", pa.bool_()),
        pa.field("language", pa.string()),
        pa.field("source", pa.string()),
        pa.field("note", pa.string(), nullable=False),
    ]
)
TEACHING, EVALUATION = "labels.parquet", "evaluation.parquet"
OWN_HOLDOUT = Holdout("doc_id", fraction=0.2)
"""What is held out where the catalogue holds nothing out."""


@dataclass(frozen=True, slots=True)
class ImportedLabels:
    """The label files of a domain, and how many documents each has now."""

    teaching: Path
    evaluation: Path
    n_teaching: int
    n_evaluation: int


def import_verdicts(
    verdicts: Iterable[Verdict], store: Store, holdout: Holdout, folder: Path
) -> ImportedLabels:
    """Write the verdicts on documents of one domain as labels into `folder`, beside those imported before.

    A document that `holdout` holds goes into the evaluation set, every other into the labels to teach with; a
    newer verdict on a document replaces the older one. Lines nobody judged, or could not see, are ambiguous.

    Raises:
        InputError: a verdict is on a text that the raw documents do not have.
    """
    teaching: list[dict[str, Any]] = []
    evaluation: list[dict[str, Any]] = []
    for verdict in verdicts:
        document = _document(store, verdict)
        held = holdout.holds(document["url"], document["source"], document["metadata"], document["doc_id"])
        (evaluation if held else teaching).append(label_row(verdict, document))
    files = folder / TEACHING, folder / EVALUATION
    counts = [_merge(file, rows) for file, rows in zip(files, (teaching, evaluation), strict=True)]
    return ImportedLabels(*files, *counts)


def label_row(verdict: Verdict, document: dict[str, Any]) -> dict[str, Any]:
    """A row of `LABELS` from a verdict and the raw document that it is on."""
    lines = document["text"].split("\n")
    judged = {one.line: one for one in verdict.lines or ()}
    if stray := [number for number in judged if number >= len(lines)]:
        raise InputError(f"{verdict.doc_id} has {len(lines)} lines, and none {stray[0]}: export it again.")
    verdicts = [judged.get(number) for number in range(len(lines))]
    return {
        "id": verdict.doc_id,
        "lines": lines,
        "is_noise": [one is not None and one.verdict == "noise" for one in verdicts],
        "ambiguous": [one is None or one.verdict == "unsure" for one in verdicts],
        "spans": [span for one in judged.values() for span in _spans(one, lines[one.line])],
        "keep": verdict.keep,
        "language": document["language"],
        "source": document["source"],
        "note": verdict.note,
    }


def _spans(one: LineVerdict, line: str) -> list[dict[str, int]]:
    if one.verdict != "part":
        return []
    for start, stop in one.spans:
        if not start < stop <= len(line):
            raise InputError(f"line {one.line} has {len(line)} characters, not [{start}, {stop}).")
    return [{"line": one.line, "start": start, "stop": stop} for start, stop in one.spans]


def _document(store: Store, verdict: Verdict) -> dict[str, Any]:
    raw = store.shard(ShardKey(verdict.domain, "raw_documents", verdict.shard))
    for part in raw.ranges:
        if part.start <= verdict.row < part.stop:
            table = raw.read(part)
            rows: Sequence[dict[str, Any]] = table.filter(pc.equal(table["row"], verdict.row)).to_pylist()
            if rows and text_digest(rows[0]["text"]) == verdict.digest:
                return rows[0]
    raise InputError(
        f"{verdict.domain}|{verdict.shard}, row {verdict.row} is not the text that was judged as "
        f"{verdict.doc_id}: the shard was read anew; build the report again and judge there."
    )


def _merge(file: Path, rows: list[dict[str, Any]]) -> int:
    """Put rows into a labels file, each in the place of the former one of its id."""
    new = pa.Table.from_pylist(list({row["id"]: row for row in rows}.values()), schema=LABELS)
    former = _former(file) if file.exists() else LABELS.empty_table()
    others = former.filter(pc.invert(pc.is_in(former["id"], value_set=new["id"].combine_chunks())))
    table = pa.concat_tables([others, new])
    write_table(table, file)
    return int(table.num_rows)


def _former(file: Path) -> pa.Table:
    """The labels imported before, checked: people may have changed the file."""
    former = read_line_labels(file, None, ("language", "source", "note")).rows.values()
    rows = [label for labels in former for label in labels]
    for row in rows:
        if row["problem"]:
            raise InputError(f"{file}, id {row['id']!r}: {row['problem']}; correct the labels.")
    return pa.Table.from_pylist([{"note": ""} | row for row in rows], schema=LABELS)
