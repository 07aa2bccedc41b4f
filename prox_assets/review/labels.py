"""Verdicts of people on documents, as the report exports them, made into labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, NonNegativeInt, StrictBool, ValidationError

from prox_assets.config.loading import remedy_of_value
from prox_assets.documents.discovery import marked_encoding
from prox_assets.documents.files import write_table
from prox_assets.documents.store import ShardKey, Store
from prox_assets.errors import InputError, one_line
from prox_assets.quality.report.page import text_digest
from prox_assets.teacher.label_files import read_line_labels
from prox_assets.teacher.sampling import Holdout

_LONGEST_KEY = 80


class LineVerdict(BaseModel):
    """What a line of the source is; `spans` are the noise in one that is noise in part, in its characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: NonNegativeInt
    verdict: Literal["clean", "noise", "part", "unsure"]
    spans: tuple[tuple[NonNegativeInt, NonNegativeInt], ...] = ()


class PersonsVerdict(BaseModel):
    """What a person says of a document; `lines`: None where not judged, and without those not shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: str
    shard: str
    row: NonNegativeInt
    doc_id: str
    digest: str
    keep: StrictBool | None
    lines: tuple[LineVerdict, ...] | None
    note: str = ""


def read_verdicts(file: Path) -> list[PersonsVerdict]:
    """Read an exported file.

    Raises:
        InputError: there is no such file, it is not text of a known encoding, has no verdicts, or a line of
            it is no verdict.
    """
    if file.is_dir():
        raise InputError(f"{file}: this is a folder; name the file that the report exported.")
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; export verdicts from the report first.")
    # Only a newline ends a line: notes may hold U+2028 and other characters that end lines elsewhere.
    lines = enumerate(_text(file).split("\n"), 1)
    verdicts = [_verdict(file, number, line) for number, line in lines if line.strip()]
    if not verdicts:
        raise InputError(f"{file}: there are no verdicts in it; judge documents in the report, then export.")
    return verdicts


def _text(file: Path) -> str:
    """Decode UTF-8, or the encoding that a byte order mark names: editors save exports in those."""
    content = file.read_bytes()
    marked = marked_encoding(content)
    try:
        return content.decode(marked)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}, line {number}: this is not {marked} text; save the file as UTF-8, or export it again."
        ) from error


def _verdict(file: Path, number: int, text: str) -> PersonsVerdict:
    try:
        return PersonsVerdict.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{file}, line {number} is no verdict ({_first(error)}); export the file again."
        ) from error


def _first(error: ValidationError) -> str:
    """Say where the first mistake of a verdict is and what it is, in the project's own words."""
    detail = error.errors(include_url=False)[0]
    place = one_line(".".join(map(str, detail["loc"])), _LONGEST_KEY)
    match detail["type"]:
        case "json_invalid":
            problem = "this is not JSON"
        case "model_type":
            problem = "this is not a JSON object"
        case "extra_forbidden":
            problem = "an unknown key"
        case _:
            problem = remedy_of_value(detail)
    return f"{place}: {problem}" if place else problem


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
    verdicts: Iterable[PersonsVerdict], store: Store, holdout: Holdout, folder: Path
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


def label_row(verdict: PersonsVerdict, document: dict[str, Any]) -> dict[str, Any]:
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


def _document(store: Store, verdict: PersonsVerdict) -> dict[str, Any]:
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
