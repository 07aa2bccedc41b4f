"""What annotations say of documents and lines, in a form that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs import Rails, Stage, applied, execute_chunks, parse
from prox_assets.teacher.interface import ANNOTATED

# For each line of a document whether it is noise; None where nobody said, or it has nothing visible.
LineMarks = tuple[bool | None, ...]

_NO_RAILS = Rails(max_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)


@dataclass(frozen=True, slots=True)
class DocumentJudgement:
    """What a teacher says of a document; None where it does not say."""

    keep: bool | None
    educational: float | None
    format: float | None
    justification: str

    def points(self, rubric: str) -> int | None:
        """A rubric's score in whole points from 0 to 5."""
        score = self.educational if rubric == "educational" else self.format
        return None if score is None else min(max(round(score), 0), 5)


def document_judgements(annotations: pa.Table) -> dict[str, DocumentJudgement]:
    """The judgement of each annotated document (DOC_ANNOTATIONS) by its id."""
    return {
        row["doc_id"]: DocumentJudgement(
            row["keep"], row["educational_score"], row["format_score"], row["justification"]
        )
        for row in annotations.to_pylist()
        if row["status"] == ANNOTATED
    }


def line_marks(seeds: pa.Table, annotations: pa.Table) -> dict[str, LineMarks]:
    """The marks of each document with annotated chunks (CHUNK_ANNOTATIONS) by its id.

    A line is noise when its program removes all its visible characters. Lines of chunks without annotation
    and lines that were set aside have no mark.
    """
    texts = dict(zip(seeds["doc_id"].to_pylist(), seeds["text"].to_pylist(), strict=True))
    rows = sorted(
        (row for row in annotations.to_pylist() if row["status"] == ANNOTATED and row["doc_id"] in texts),
        key=lambda row: (row["doc_id"], row["start"]),
    )
    return {
        doc_id: _marks(texts[doc_id], list(group))
        for doc_id, group in groupby(rows, key=lambda row: str(row["doc_id"]))
    }


def chunk_of(row: dict[str, Any]) -> Chunk:
    """The chunk that a row of CHUNK_ANNOTATIONS is about."""
    return Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])


def _marks(text: str, rows: Sequence[dict[str, Any]]) -> LineMarks:
    programs = [(chunk_of(row), parse(row["program"], Stage.CHUNK), None) for row in rows]
    gone = bytearray(len(text))
    for edit in applied(execute_chunks(text, programs, _NO_RAILS).edits):
        gone[edit.start : edit.stop] = b"\1" * (edit.stop - edit.start)
    judged = {line for row in rows for line in range(row["line_start"], row["line_stop"])}
    judged -= {line for row in rows for line in row["ignored_lines"] or ()}
    marks: list[bool | None] = []
    for number, (start, stop) in enumerate(line_spans(text)):
        shown = [at for at in range(start, stop) if not text[at].isspace()]
        marks.append(all(gone[at] for at in shown) if shown and number in judged else None)
    return tuple(marks)
