"""Label files, checked where they enter: by the labels teacher, by evaluations and by people's verdicts.

A label is a boolean, or an integer 0 or 1 of any width. Anything else in its place (texts, decimal numbers,
other integers) is refused with file, row, id and column, since a guess would turn "False" into noise. Null is
no label.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.config import DocumentLabels
from prox_assets.documents.ids import id_texts, value_text
from prox_assets.errors import InputError

Row = dict[str, Any]

LINE_COLUMNS = ("lines", "is_noise")
OPTIONAL_LINE_COLUMNS = ("ambiguous", "spans", "keep")
_SPAN = pa.struct([("line", pa.int64()), ("start", pa.int64()), ("stop", pa.int64())])
_BATCH_ROWS = 1_024
_SHOWN = 60


@dataclass(slots=True)
class LabelFile:
    """The rows of a label file that were asked for, in the file's order, and what became of the others.

    A row has `id` as a text and the columns that were asked for. Rows of line labels also have `problem`: why
    its labels contradict themselves, or None. `n_rows` are in the file; the labels of `n_strangers` are of no
    document that was asked for, those of `n_open` are null.
    """

    path: Path
    rows: dict[str, list[Row]] = field(default_factory=dict)
    n_rows: int = 0
    n_strangers: int = 0
    n_open: int = 0

    def account(self) -> str:
        """Say how many labels there are, met a document, or are none."""
        met = self.n_rows - self.n_strangers
        said = f"{self.path}: {self.n_rows:,} rows, {met:,} of them of documents that were asked for"
        return f"{said}, {self.n_open:,} of these without a label" if self.n_open else said


def read_line_labels(path: Path, ids: Collection[str] | None, others: Sequence[str] = ()) -> LabelFile:
    """Read line labels: `id`, `lines`, `is_noise`, and where they are there `ambiguous`, `spans`, `keep`, and
    `others` as texts.

    `ids` are those that are asked for, None for all. Of each row `is_noise` and `ambiguous` come out as
    booleans, as many as lines: a line whose label is null is ambiguous. Rows whose `lines` or `is_noise` are
    null are open.

    Raises:
        InputError: there is no such file, it cannot be read, lacks a column, or holds what is no label.
    """
    found = LabelFile(path)
    for number, batch, chosen in _batches(
        path, "id", LINE_COLUMNS, (*OPTIONAL_LINE_COLUMNS, *others), ids, found
    ):
        columns = {
            "lines": _lists(batch, "lines", _text),
            "is_noise": _lists(batch, "is_noise", _flag),
            "ambiguous": _lists(batch, "ambiguous", _flag),
            "spans": _spans(batch),
            "keep": _scalars(batch, "keep", _flag),
        }
        for at, doc_id in chosen:
            where = f"{path}, row {number + at} (id {doc_id!r})"
            row = {name: values(at, where) for name, values in columns.items()}
            row |= {name: value_text(batch.column(name)[at]) for name in others if name in batch.schema.names}
            if row["lines"] is None or row["is_noise"] is None:
                found.n_open += 1
                continue
            found.rows.setdefault(doc_id, []).append({"id": doc_id} | _normal(row))
    return found


def read_document_labels(labels: DocumentLabels, ids: Collection[str] | None) -> LabelFile:
    """Read document labels: rows of `id`, `value` and `keep`, which is None where the label is null or NaN.

    With `keep_at_least` the column holds numbers and a document is kept from there on.

    Raises:
        InputError: there is no such file, it cannot be read, lacks a column, or holds what is no label.
    """
    found = LabelFile(labels.path)
    read = _flag if labels.keep_at_least is None else _number
    needed = [labels.column, *labels.where]
    for number, batch, chosen in _batches(
        labels.path, labels.id_column, needed, (), ids, found, labels.where
    ):
        values = _scalars(batch, labels.column, read)
        for at, doc_id in chosen:
            value = values(at, f"{labels.path}, row {number + at} (id {doc_id!r})")
            keep = value if labels.keep_at_least is None or value is None else value >= labels.keep_at_least
            found.n_open += keep is None
            found.rows.setdefault(doc_id, []).append({"id": doc_id, "value": value, "keep": keep})
    return found


def label_table(
    path: Path,
    ids: Collection[str] | None = None,
    limit: int | None = None,
    report: Callable[[str], None] = lambda _said: None,
) -> pa.Table:
    """Read line labels as a table to measure against: one row a document, at most `limit` of them.

    Columns: `id`, `lines`, `is_noise`, `ambiguous`, `spans`, and of `keep`, the columns of groups and `url`,
    `host` those that are there. Rows that repeat each other count once. `report` is told how many rows
    there are and how many have no labels.

    Raises:
        InputError: as `read_line_labels`; or the labels of a document contradict one another.
    """
    names = open_parquet(path).schema_arrow.names
    groups = [name for name in _GROUPS if name in names]
    rows: list[Row] = []
    file = read_line_labels(path, ids, groups)
    report(file.account())
    for doc_id, labels in file.rows.items():
        problem = labels[0]["problem"]
        if any(other != labels[0] for other in labels):
            problem = f"{len(labels)} rows of labels that disagree"
        if problem:
            raise InputError(f"{path}, id {doc_id!r}: {problem}; correct the labels.")
        rows.append(labels[0])
        if len(rows) == limit:
            break
    schema = _LABELS if "keep" in names else _LABELS.remove(_LABELS.get_field_index("keep"))
    for name in groups:
        schema = schema.append(pa.field(name, pa.string()))
    return pa.Table.from_pylist(rows, schema)


_GROUPS = ("source", "language", "lang", "page_type", "page_kind", "url", "host")
_LABELS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("lines", pa.list_(pa.string()), nullable=False),
        pa.field("is_noise", pa.list_(pa.bool_()), nullable=False),
        pa.field("ambiguous", pa.list_(pa.bool_()), nullable=False),
        pa.field("spans", pa.list_(_SPAN), nullable=False),
        pa.field("keep", pa.bool_()),
    ]
)


def open_parquet(path: Path, what: str = "labels file") -> pq.ParquetFile:
    """Open a Parquet file; `what` it is said to be stands in messages.

    Raises:
        InputError: there is none, or it cannot be read as Parquet.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such {what}; correct the path.")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} is not a Parquet file that can be read ({_line(error)}); write it anew."
        ) from error


def text_column(path: Path, table: pa.Table, name: str) -> list[str | None]:
    """The texts of a column, null where the table has no such column.

    Raises:
        InputError: the column holds something else.
    """
    if name not in table.column_names:
        return [None] * table.num_rows
    values: list[str | None] = []
    for batch in table.select([name]).to_batches():
        read = _scalars(batch, name, _text)
        values += [read(at, f"{path}, row {len(values) + at}") for at in range(batch.num_rows)]
    return values


def _batches(
    path: Path,
    id_column: str,
    required: Sequence[str],
    optional: Sequence[str],
    ids: Collection[str] | None,
    found: LabelFile,
    where: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, pa.RecordBatch, list[tuple[int, str]]]]:
    """Batches with the number of their first row and the rows that were asked for; counts the others."""
    file = open_parquet(path)
    names = file.schema_arrow.names
    _check_names(path, names, [id_column, *required])
    columns = list(dict.fromkeys([id_column, *required, *(name for name in optional if name in names)]))
    batches = file.iter_batches(_BATCH_ROWS, columns=columns)
    number = 0
    while (batch := _next(path, batches)) is not None:
        kept = [
            at
            for at in range(batch.num_rows)
            if all(value_text(batch.column(name)[at]) == value for name, value in (where or {}).items())
        ]
        texts = id_texts(batch.column(id_column))
        if missing := [at for at in kept if texts[at] is None]:
            raise InputError(
                f"{path}, row {number + missing[0]}: column {id_column!r} holds no id; "
                "give every label the id of its document."
            )
        chosen = [
            (at, text) for at in kept if (text := texts[at]) is not None and (ids is None or text in ids)
        ]
        found.n_rows += len(kept)
        found.n_strangers += len(kept) - len(chosen)
        yield number, batch, chosen
        number += batch.num_rows


def _next(path: Path, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    try:
        batch = next(batches, None)
        if batch is not None:
            batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read ({_line(error)}); write it anew.") from error
    return batch


def _check_names(path: Path, names: Sequence[str], needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in names]:
        raise InputError(
            f"{path} has no column {', '.join(map(repr, missing))}, only {', '.join(names)}. "
            "Name the right columns, or write them into the file."
        )
    if twice := [name for name in needed if names.count(name) > 1]:
        raise InputError(f"{path} has the column {twice[0]!r} twice; write it once.")


Reader = Callable[[Any, str], Any]
"""From a value and what to call its place to what it says, or an InputError."""


def _scalars(batch: pa.RecordBatch, name: str, read: Reader) -> Callable[[int, str], Any]:
    """Read a column's values one by one; None where the batch has no such column."""
    if name not in batch.schema.names:
        return lambda _at, _where: None
    column = batch.column(name)
    return lambda at, where: read(column[at].as_py(), f"{where}: column {name!r}")


def _lists(batch: pa.RecordBatch, name: str, read: Reader) -> Callable[[int, str], Any]:
    """Read a column's lists, each value by `read`; None where the list is null or there is no such column."""

    def values(value: Any, where: str) -> list[Any] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            raise InputError(f"{where} holds {_shown(value)}, not a list with a value for each line.")
        return [read(entry, where) for entry in value]

    return _scalars(batch, name, values)


def _flag(value: Any, where: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise InputError(
        f"{where} holds {_shown(value)}, where true or false (or the integers 0 and 1) must be; "
        "correct the column. Document labels may be numbers with keep_at_least."
    )


def _number(value: Any, where: str) -> float | None:
    if value is None or value != value:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InputError(
            f"{where} holds {_shown(value)}, not a number; take keep_at_least out, or write numbers."
        )
    return float(value)


def _text(value: Any, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InputError(f"{where} holds {_shown(value)}, not a text.")


def _spans(batch: pa.RecordBatch) -> Callable[[int, str], Any]:
    def span(value: Any, where: str) -> Row:
        names = ("line", "start", "stop")
        if not isinstance(value, dict) or any(type(value.get(name)) is not int for name in names):
            raise InputError(
                f"{where} holds {_shown(value)}, not a span with whole numbers line, start and stop."
            )
        return {name: value[name] for name in names}

    return _lists(batch, "spans", span)


def _normal(row: Row) -> Row:
    """Flags for every line, and the reason where a row's lists do not fit one another."""
    lines, noise = row["lines"], row["is_noise"]
    unsure = row["ambiguous"] or [False] * len(lines)
    problem = _problem(lines, noise, unsure, row["spans"] or [])
    ambiguous = [bool(doubt) or flag is None for doubt, flag in zip(unsure, noise, strict=False)]
    flags = {"is_noise": [bool(flag) for flag in noise], "ambiguous": ambiguous, "spans": row["spans"] or []}
    return row | flags | {"problem": problem}


def _problem(lines: list[Any], noise: list[Any], unsure: list[Any], spans: list[Row]) -> str | None:
    if len(lines) != len(noise):
        return f"{len(lines)} labelled lines with {len(noise)} labels (lines, is_noise)"
    if len(lines) != len(unsure):
        return f"{len(lines)} labelled lines with {len(unsure)} flags (lines, ambiguous)"
    for number, line in enumerate(lines):
        if line is None or "\n" in line:
            return f"line {number} is {'null' if line is None else 'more than one line'}"
    for span in spans:
        number, start, stop = span["line"], span["start"], span["stop"]
        if not (0 <= number < len(lines) and 0 <= start < stop <= len(lines[number])):
            return f"the labelled span [{start}, {stop}) does not lie in line {number}"
    return None


def _shown(value: Any) -> str:
    """A value with its kind, short enough for a message."""
    kinds = {str: "a text", float: "a decimal number", int: "a number", list: "a list", dict: "a struct"}
    text = repr(value)
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f"{kinds.get(type(value), f'a value of type {type(value).__name__}')} ({short})"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
