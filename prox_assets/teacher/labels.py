"""The labels teacher: annotations that people or another system made, imported from files."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.config import DocumentLabels
from prox_assets.documents.fingerprint import file_fingerprint, fingerprint
from prox_assets.errors import TeacherError
from prox_assets.teacher.annotations import (
    Row,
    Signature,
    chunk_rows,
    chunk_table,
    document_row,
    document_table,
    silent_chunk_row,
)
from prox_assets.teacher.interface import ANNOTATED, FAILED, UNLABELLED
from prox_assets.teacher.label_files import rows_by_id
from prox_assets.teacher.marks import Marks, noise_of_spans

LINE_COLUMNS = ("lines", "is_noise")
OPTIONAL_LINE_COLUMNS = ("ambiguous", "spans")
DEFAULT_CHUNK_CHARS = 6_000


class LabelsTeacher:
    """Imports line labels and document labels.

    Line labels: Parquet with `id`, `lines`, `is_noise` and optionally `ambiguous` (lines to ignore) and
    `spans` (line, start, stop: noise inside a line). A seed whose text is not the labelled lines is `failed`;
    one that is not in the file is `unlabelled`.
    """

    def __init__(
        self,
        lines: Path | None,
        documents: DocumentLabels | None,
        chunk_chars: int = DEFAULT_CHUNK_CHARS,
    ) -> None:
        self._lines = lines
        self._documents = documents
        self._chunk_chars = chunk_chars
        self._hash: str | None = None

    @property
    def name(self) -> str:
        """`labels`: who made them is the files' business."""
        return "labels"

    @property
    def prompt_hash(self) -> str:
        """Hash of both files' bytes and of how they are read."""
        if self._hash is None:
            documents = self._documents
            self._hash = fingerprint(
                {
                    "lines": _bytes_of(self._lines),
                    "documents": _bytes_of(documents.path if documents else None),
                    "reading": documents.model_dump(mode="json", exclude={"path"}) if documents else None,
                    "chunk_chars": self._chunk_chars,
                }
            )
        return self._hash

    def annotate_documents(self, seeds: pa.Table) -> pa.Table:
        """Keep or drop as the document labels say; the scores stay empty."""
        ids = seeds["doc_id"].to_pylist()
        found = self._document_labels(ids)
        return document_table(self._document(doc_id, found.get(doc_id, [])) for doc_id in ids)

    def annotate_chunks(self, seeds: pa.Table) -> pa.Table:
        """Programs that remove the lines and spans that are labelled as noise."""
        rows: list[Row] = []
        for batch in seeds.select(["doc_id", "text"]).to_batches(max_chunksize=512):
            ids = batch["doc_id"].to_pylist()
            found = self._line_labels(ids)
            for doc_id, text in zip(ids, batch["text"].to_pylist(), strict=True):
                rows += self._chunks(doc_id, text, found.get(doc_id, []))
        return chunk_table(rows)

    @property
    def _signature(self) -> Signature:
        return Signature(self.name, self.prompt_hash)

    def _document_labels(self, ids: list[str]) -> dict[str, list[Row]]:
        labels = self._documents
        if labels is None:
            return {}
        return rows_by_id(labels.path, labels.id_column, [labels.column], [], ids, labels.where)

    def _line_labels(self, ids: list[str]) -> dict[str, list[Row]]:
        if self._lines is None:
            return {}
        return rows_by_id(self._lines, "id", LINE_COLUMNS, OPTIONAL_LINE_COLUMNS, ids, {})

    def _document(self, doc_id: str, labels: list[Row]) -> Row:
        if self._documents is None or not labels:
            return document_row(doc_id, None, "", self._signature.verdict(UNLABELLED))
        column = self._documents.column
        values = [label[column] for label in labels]
        answers = {_keeps(value, self._documents) for value in values} - {None}
        if len(answers) > 1:
            reason = f"{len(values)} labels that disagree: {values}"
            return document_row(doc_id, None, "", self._signature.verdict(FAILED, reason))
        if not answers:
            return document_row(doc_id, None, "", self._signature.verdict(UNLABELLED))
        verdict = self._signature.verdict(ANNOTATED)
        return document_row(doc_id, answers.pop(), f"label {column} = {values[0]}", verdict)

    def _chunks(self, doc_id: str, text: str, labels: list[Row]) -> list[Row]:
        if not labels:
            return [silent_chunk_row(doc_id, text, self._signature.verdict(UNLABELLED))]
        reason = _disagreement(text, labels)
        if reason:
            return [silent_chunk_row(doc_id, text, self._signature.verdict(FAILED, reason))]
        return list(chunk_rows(doc_id, text, _marks(text, labels[0]), self._chunk_chars, self._signature))


def _bytes_of(path: Path | None) -> str | None:
    if path is None:
        return None
    if not path.is_file():
        raise TeacherError(f"the labels teacher finds no file {path}; correct the path in the catalogue")
    return file_fingerprint(path)


def _keeps(value: Any, labels: DocumentLabels) -> bool | None:
    if value is None:
        return None
    if labels.keep_at_least is not None:
        return bool(value >= labels.keep_at_least)
    if isinstance(value, bool):
        return value
    raise TeacherError(
        f"{labels.path}: column {labels.column!r} holds {value!r}, which neither keeps nor drops; "
        "set keep_at_least in the catalogue, or use a column of true and false"
    )


def _disagreement(text: str, labels: list[Row]) -> str | None:
    """Why line labels cannot be used for a text; None where they can."""
    label = labels[0]
    lines, noise = label["lines"], label["is_noise"]
    if len(labels) > 1 and any(other != label for other in labels):
        return f"{len(labels)} rows of line labels that disagree"
    if len(lines) != len(noise) or len(label.get("ambiguous") or lines) != len(lines):
        return f"{len(lines)} labelled lines with {len(noise)} labels"
    own = text.split("\n")
    if lines == own:
        return _stray_span(lines, label.get("spans") or [])
    if len(lines) != len(own):
        return f"the text has {len(own)} lines, the labels are for {len(lines)}"
    first = next(number for number, pair in enumerate(zip(lines, own, strict=True)) if pair[0] != pair[1])
    return f"line {first} of the text is not the labelled line {first}"


def _stray_span(lines: list[str], spans: list[dict[str, int]]) -> str | None:
    for span in spans:
        line, start, stop = span["line"], span["start"], span["stop"]
        if not (0 <= line < len(lines) and 0 <= start < stop <= len(lines[line])):
            return f"the labelled span [{start}, {stop}) does not lie in line {line}"
    return None


def _marks(text: str, label: Row) -> Marks:
    """A line without a label (null) is ignored like an ambiguous one; spans of noise lines go with them."""
    noise = label["is_noise"]
    unsure = label.get("ambiguous") or [False] * len(noise)
    ignored = {line for line, doubt in enumerate(unsure) if doubt or noise[line] is None}
    removed = {line for line, flag in enumerate(noise) if flag} - ignored
    spans = [
        (span["line"], span["start"], span["stop"])
        for span in label.get("spans") or []
        if span["line"] not in removed | ignored
    ]
    return Marks(frozenset(removed), noise_of_spans(spans, text), frozenset(ignored))
