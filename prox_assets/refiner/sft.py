"""The SFT tables: annotations become labelled texts, split by document."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from prox_assets.chunking import Chunk, line_spans
from prox_assets.documents.schema import SFT_CHUNKS, SFT_DOCUMENTS
from prox_assets.errors import RefinerError
from prox_assets.programs import Program, Rails, Stage, execute_chunks, parse, render

ANNOTATED = "annotated"
TRAIN, VALIDATION = "train", "validation"
_NO_RAILS = Rails(max_removed_share=1.0, max_chunk_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)
_SHARE_BYTES = 8


@dataclass(frozen=True, slots=True)
class SftTables:
    """What the two refiners are trained on: schemas `SFT_DOCUMENTS` and `SFT_CHUNKS`."""

    documents: pa.Table
    chunks: pa.Table


def build_sft(
    seeds: pa.Table,
    doc_annotations: pa.Table,
    chunk_annotations: pa.Table,
    validation_share: float,
    train_only: Collection[str] = (),
) -> SftTables:
    """Join the seeds with what the teacher said of them.

    A document with a decision is a row of `documents`. One with annotated chunks that is not to be dropped
    is a row of `chunks`: its program, the characters that the program removes, and the characters nobody
    judged (lines set aside, chunks without annotation), which neither train nor score. Both tables split a
    document alike; those of `train_only` (hard examples) are never validated on. Raises RefinerError for
    annotations of documents that are not among the seeds.
    """
    texts = dict(zip(seeds["doc_id"].to_pylist(), seeds["text"].to_pylist(), strict=True))
    decisions = _decisions(doc_annotations)
    chunks = _annotated_chunks(chunk_annotations)
    _require_seeds(texts.keys(), decisions.keys() | chunks.keys())
    splits = {doc_id: TRAIN if doc_id in train_only else split(doc_id, validation_share) for doc_id in texts}
    documents = [
        {"doc_id": doc_id, "split": splits[doc_id], "text": text, "keep": decisions[doc_id]}
        for doc_id, text in texts.items()
        if doc_id in decisions
    ]
    chunk_rows = [
        {"doc_id": doc_id, "split": splits[doc_id], "text": text} | labelled(text, chunks[doc_id])
        for doc_id, text in texts.items()
        if doc_id in chunks and decisions.get(doc_id, True)
    ]
    return SftTables(
        pa.Table.from_pylist(documents, schema=SFT_DOCUMENTS),
        pa.Table.from_pylist(chunk_rows, schema=SFT_CHUNKS),
    )


def split(doc_id: str, validation_share: float) -> str:
    """`train` or `validation`, by a hash of the id: the same in every run and whatever else is annotated."""
    digest = blake2b(doc_id.encode(), digest_size=_SHARE_BYTES, key=b"sft split").digest()
    return VALIDATION if int.from_bytes(digest, "big") < validation_share * 256**_SHARE_BYTES else TRAIN


def labelled(text: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The program, noise and ignored spans of one document from its annotated chunks."""
    found = [_chunk(row) for row in rows]
    programs = [parse(row["program"], Stage.CHUNK) for row in rows]
    execution = execute_chunks(
        text, [(chunk, program, None) for chunk, program in zip(found, programs, strict=True)], _NO_RAILS
    )
    noise = [(e.start, e.stop) for e in execution.edits if e.outcome == "applied" and not e.replacement]
    return {
        "program": render(_joined(programs)),
        "noise": _spans(noise),
        "ignored": _spans([*_gaps(text, found), *_lines(text, rows)]),
    }


def _decisions(annotations: pa.Table) -> dict[str, bool]:
    rows = annotations.select(["doc_id", "keep", "status"]).to_pylist()
    return {
        row["doc_id"]: row["keep"] for row in rows if row["status"] == ANNOTATED and row["keep"] is not None
    }


def _annotated_chunks(annotations: pa.Table) -> dict[str, list[dict[str, Any]]]:
    chunks: dict[str, list[dict[str, Any]]] = {}
    for row in annotations.to_pylist():
        if row["status"] == ANNOTATED:
            chunks.setdefault(row["doc_id"], []).append(row)
    return {doc_id: sorted(rows, key=lambda row: row["start"]) for doc_id, rows in chunks.items()}


def _require_seeds(seeds: Any, annotated: Any) -> None:
    strangers = sorted(annotated - seeds)
    if strangers:
        raise RefinerError(
            f"{len(strangers)} annotated documents are not among the seeds, the first {strangers[0]!r}. "
            "Annotate the present seeds again."
        )


def _chunk(row: dict[str, Any]) -> Chunk:
    return Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])


def _joined(programs: Sequence[Program]) -> Program:
    """One program for the document; `keep_chunk()` stands only where nothing else does."""
    calls = [call for program in programs for call in program.calls]
    edits = tuple(call for call in calls if call.name != "keep_chunk")
    return Program(edits or tuple(calls[:1]))


def _lines(text: str, rows: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    spans = line_spans(text)
    return [spans[line] for row in rows for line in row["ignored_lines"] or ()]


def _gaps(text: str, chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """The characters of no annotated chunk."""
    stops = [0, *(chunk.stop for chunk in chunks)]
    starts = [*(chunk.start for chunk in chunks), len(text)]
    return list(zip(stops, starts, strict=True))


def _spans(spans: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    """Sorted, merged where they touch, the empty ones left out."""
    merged: list[list[int]] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return [{"start": start, "stop": stop} for start, stop in merged]
