"""The labels teacher: annotations that people or another system made, imported from files."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from prox_assets.config import DocumentLabels
from prox_assets.documents.files import file_fingerprint, fingerprint
from prox_assets.errors import InputError
from prox_assets.teacher.annotations import (
    Marks,
    Row,
    Signature,
    chunk_rows,
    chunk_table,
    document_row,
    document_table,
    noise_of_spans,
    silent_chunk_row,
)
from prox_assets.teacher.interface import ANNOTATED, FAILED, UNLABELLED
from prox_assets.teacher.label_files import read_document_labels, read_line_labels

DEFAULT_CHUNK_CHARS = 6_000


class LabelsTeacher:
    """Imports line labels and document labels.

    Line labels: Parquet with `id`, `lines`, `is_noise` and optionally `ambiguous` (lines to ignore) and
    `spans` (line, start, stop: noise inside a line). A seed whose text is not the labelled lines, or whose
    labels contradict one another, is `failed`; one that is not in the file, or whose label is null, is
    `unlabelled`. `report` is told how many labels meet a seed.
    """

    def __init__(
        self,
        lines: Path | None,
        documents: DocumentLabels | None,
        chunk_chars: int = DEFAULT_CHUNK_CHARS,
        report: Callable[[str], None] = lambda _said: None,
    ) -> None:
        self._lines = lines
        self._report = report
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
        rows: dict[str, list[Row]] = {}
        if self._documents is not None:
            file = read_document_labels(self._documents, frozenset(ids))
            self._report(f"document labels of {file.account()}")
            rows = file.rows
        return document_table(self._document(doc_id, rows.get(doc_id, [])) for doc_id in ids)

    def annotate_chunks(self, seeds: pa.Table) -> pa.Table:
        """Programs that remove the lines and spans that are labelled as noise."""
        labels: dict[str, list[Row]] = {}
        if self._lines is not None:
            file = read_line_labels(self._lines, frozenset(seeds["doc_id"].to_pylist()))
            self._report(f"line labels of {file.account()}")
            labels = file.rows
        rows: list[Row] = []
        for batch in seeds.select(["doc_id", "text"]).to_batches(max_chunksize=512):
            for doc_id, text in zip(batch["doc_id"].to_pylist(), batch["text"].to_pylist(), strict=True):
                rows += self._chunks(doc_id, text, labels.get(doc_id, []))
        return chunk_table(rows)

    @property
    def _signature(self) -> Signature:
        return Signature(self.name, self.prompt_hash)

    def _document(self, doc_id: str, labels: list[Row]) -> Row:
        answers = {label["keep"] for label in labels} - {None}
        if len(answers) > 1:
            reason = f"{len(labels)} labels that disagree: {[label['value'] for label in labels]}"
            return document_row(doc_id, None, "", self._signature.verdict(FAILED, reason))
        if self._documents is None or not answers:
            said = "the label is null" if labels else None
            return document_row(doc_id, None, "", self._signature.verdict(UNLABELLED, said))
        value = next(label["value"] for label in labels if label["keep"] is not None)
        verdict = self._signature.verdict(ANNOTATED)
        return document_row(doc_id, answers.pop(), f"label {self._documents.column} = {value}", verdict)

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
        raise InputError(f"{path}: there is no such labels file; correct the path in the catalogue.")
    return file_fingerprint(path)


def _disagreement(text: str, labels: list[Row]) -> str | None:
    """Why line labels cannot be used for a text; None where they can."""
    label = labels[0]
    if any(other != label for other in labels):
        return f"{len(labels)} rows of line labels that disagree"
    if label["problem"]:
        return str(label["problem"])
    lines, own = label["lines"], text.split("\n")
    if lines == own:
        return None
    if len(lines) != len(own):
        return f"the text has {len(own)} lines, the labels are for {len(lines)}"
    first = next(number for number, pair in enumerate(zip(lines, own, strict=True)) if pair[0] != pair[1])
    return f"line {first} of the text is not the labelled line {first}"


def _marks(text: str, label: Row) -> Marks:
    """A line without a label is ambiguous, and ignored; spans of noise lines go with them."""
    ignored = {line for line, doubt in enumerate(label["ambiguous"]) if doubt}
    removed = {line for line, flag in enumerate(label["is_noise"]) if flag} - ignored
    spans = [
        (span["line"], span["start"], span["stop"])
        for span in label["spans"]
        if span["line"] not in removed | ignored
    ]
    return Marks(frozenset(removed), noise_of_spans(spans, text), frozenset(ignored))
