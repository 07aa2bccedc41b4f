"""Rows of the annotation tables, so that every teacher writes them alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from prox_assets.chunking import Chunk, whole
from prox_assets.programs import render
from prox_assets.teacher.interface import (
    ANNOTATED,
    CHUNK_ANNOTATIONS,
    DOC_ANNOTATIONS,
)
from prox_assets.teacher.marks import Marks, chunk_programs
from prox_assets.teacher.validation import Validated

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signature:
    """What every row of a teacher carries: its name and the hash of what it went by."""

    teacher: str
    prompt_hash: str

    def verdict(self, status: str, error: str | None = None) -> Row:
        """The last columns of a row."""
        columns: Row = {"teacher": self.teacher, "prompt_hash": self.prompt_hash, "tokens": 0}
        return columns | {"status": status, "error": error}


def document_row(
    doc_id: str,
    keep: bool | None,
    justification: str,
    verdict: Row,
    educational_score: float | None = None,
    format_score: float | None = None,
) -> Row:
    """One row of doc_annotations."""
    return {
        "doc_id": doc_id,
        "educational_score": educational_score,
        "format_score": format_score,
        "justification": justification,
        "keep": keep,
    } | verdict


def silent_chunk_row(doc_id: str, text: str, verdict: Row) -> Row:
    """The one row of chunk_annotations of a seed without programs (unlabelled or failed)."""
    return _chunk_columns(doc_id, whole(text)) | {"program": "", "ignored_lines": [], "refused": []} | verdict


def chunk_rows(doc_id: str, text: str, marks: Marks, chunk_chars: int, signature: Signature) -> Iterable[Row]:
    """The rows of chunk_annotations of one seed: one a chunk, with the validated program."""
    for piece in chunk_programs(text, marks, chunk_chars):
        yield (
            _chunk_columns(doc_id, piece.chunk)
            | {
                "program": render(piece.validated.program),
                "ignored_lines": list(piece.ignored),
                "refused": [{"call": r.call, "code": str(r.code)} for r in piece.validated.refused],
            }
            | signature.verdict(ANNOTATED)
        )


def validated_chunk_row(doc_id: str, chunk: Chunk, validated: Validated, verdict: Row) -> Row:
    """One row of chunk_annotations: what is believed of a chunk, and the calls that are not."""
    return (
        _chunk_columns(doc_id, chunk)
        | {
            "program": render(validated.program),
            "ignored_lines": [],
            "refused": [{"call": r.call, "code": str(r.code)} for r in validated.refused],
        }
        | verdict
    )


def document_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as doc_annotations."""
    return pa.Table.from_pylist(list(rows), schema=DOC_ANNOTATIONS)


def chunk_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as chunk_annotations."""
    return pa.Table.from_pylist(list(rows), schema=CHUNK_ANNOTATIONS)


def _chunk_columns(doc_id: str, chunk: Chunk) -> Row:
    return {
        "doc_id": doc_id,
        "chunk_index": chunk.index,
        "line_start": chunk.line_start,
        "line_stop": chunk.line_stop,
        "start": chunk.start,
        "stop": chunk.stop,
    }
