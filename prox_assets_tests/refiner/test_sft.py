"""Annotations become labelled texts: programs executed, nothing invented, splits that hold still."""

from typing import Any

import pyarrow as pa
import pytest

from prox_assets.documents.schema import SFT_CHUNKS, SFT_DOCUMENTS
from prox_assets.errors import RefinerError
from prox_assets.programs import Stage, parse
from prox_assets.refiner.data import build_sft, split

TEXT = "menu\nA tale [edit] told.\nfooter\nlast"


def seeds(**texts: str) -> pa.Table:
    return pa.table({"doc_id": list(texts), "text": list(texts.values())})


def decisions(*rows: tuple[str, bool | None, str]) -> pa.Table:
    schema = pa.schema([("doc_id", pa.string()), ("keep", pa.bool_()), ("status", pa.string())])
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def chunk(doc_id: str, program: str, **more: Any) -> dict[str, Any]:
    row = {"chunk_index": 0, "line_start": 0, "line_stop": 4, "start": 0, "stop": len(TEXT)}
    return {"doc_id": doc_id, "program": program, "ignored_lines": [], "status": "annotated"} | row | more


def chunks(*rows: dict[str, Any]) -> pa.Table:
    schema = pa.schema(
        [
            ("doc_id", pa.string()),
            ("chunk_index", pa.int32()),
            ("line_start", pa.int32()),
            ("line_stop", pa.int32()),
            ("start", pa.int64()),
            ("stop", pa.int64()),
            ("program", pa.string()),
            ("ignored_lines", pa.list_(pa.int32())),
            ("status", pa.string()),
        ]
    )
    return pa.Table.from_pylist(list(rows), schema=schema)


def strings(row: dict[str, Any], column: str) -> list[str]:
    return [row["text"][span["start"] : span["stop"]] for span in row[column]]


def test_noise_is_what_the_executed_program_removes() -> None:
    program = 'remove_lines(0, 0)\nnormalize(" [edit]", "")\nremove_lines(2, 2)'
    tables = build_sft(seeds(a=TEXT), decisions(("a", True, "annotated")), chunks(chunk("a", program)), 0.2)
    (row,) = tables.chunks.to_pylist()
    assert strings(row, "noise") == ["menu\n", " [edit]", "footer\n"]
    assert row["ignored"] == []
    assert parse(row["program"], Stage.CHUNK) == parse(program, Stage.CHUNK)
    assert tables.documents.schema == SFT_DOCUMENTS and tables.chunks.schema == SFT_CHUNKS


def test_chunks_without_annotation_and_lines_set_aside_are_ignored() -> None:
    half = TEXT.index("footer")
    first = chunk("a", "remove_lines(0, 0)", line_stop=2, stop=half, ignored_lines=[1])
    second = chunk("a", "", chunk_index=1, line_start=2, start=half, status="failed")
    (row,) = build_sft(seeds(a=TEXT), decisions(), chunks(second, first), 0.2).chunks.to_pylist()
    assert strings(row, "noise") == ["menu\n"]
    assert strings(row, "ignored") == ["A tale [edit] told.", "footer\nlast"]


def test_the_programs_of_all_chunks_are_one() -> None:
    half = TEXT.index("footer")
    rows = [
        chunk("a", "keep_chunk()", line_stop=2, stop=half),
        chunk("a", "remove_lines(3, 3)", chunk_index=1, line_start=2, start=half),
    ]
    (row,) = build_sft(seeds(a=TEXT), decisions(), chunks(*rows), 0.2).chunks.to_pylist()
    assert parse(row["program"], Stage.CHUNK) == parse("remove_lines(3, 3)", Stage.CHUNK)
    assert strings(row, "noise") == ["\nlast"]


def test_a_rewording_is_no_noise() -> None:
    program = 'normalize("tale", "story")'
    (row,) = build_sft(seeds(a=TEXT), decisions(), chunks(chunk("a", program)), 0.2).chunks.to_pylist()
    assert row["noise"] == []


def test_who_becomes_a_row() -> None:
    tables = build_sft(
        seeds(kept=TEXT, dropped=TEXT, unlabelled=TEXT, failed=TEXT, silent=TEXT),
        decisions(("dropped", False, "annotated"), ("kept", True, "annotated"), ("failed", None, "failed")),
        chunks(*(chunk(doc_id, "keep_chunk()") for doc_id in ("kept", "dropped", "unlabelled"))),
        0.2,
    )
    assert tables.documents.select(["doc_id", "keep"]).to_pylist() == [
        {"doc_id": "kept", "keep": True},
        {"doc_id": "dropped", "keep": False},
    ]
    assert tables.chunks["doc_id"].to_pylist() == ["kept", "unlabelled"]


def test_a_document_is_in_the_same_split_for_both_tasks_and_for_ever() -> None:
    ids = [f"d{number}" for number in range(1000)]
    splits = [split(doc_id, 0.1) for doc_id in ids]
    assert 70 < splits.count("validation") < 130
    wider = [split(doc_id, 0.3) for doc_id in ids]
    assert all(more == "validation" for less, more in zip(splits, wider, strict=True) if less == "validation")
    assert {split(doc_id, 0.0) for doc_id in ids} == {"train"}


def test_annotations_of_other_documents_are_refused() -> None:
    with pytest.raises(RefinerError, match="'b'"):
        build_sft(seeds(a=TEXT), decisions(("b", True, "annotated")), chunks(), 0.2)
