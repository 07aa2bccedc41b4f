"""The files of the embedded corpus: shards as a team might have them, and the truth beside them."""

import gzip
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prox_assets.sample.page import SamplePage

Row = Mapping[str, Any]

WEB_COLUMNS = ("url_hash", "raw_content", "link", "site", "lang", "template_set", "kind")
MATH_COLUMNS = ("id", "text", "url", "origin", "language", "template_set", "kind")
TRUTH_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("lines", pa.list_(pa.string())),
        ("is_noise", pa.list_(pa.bool_())),
        ("keep", pa.bool_()),
        (
            "spans",
            pa.list_(pa.struct([("line", pa.int32()), ("start", pa.int32()), ("stop", pa.int32())])),
        ),
        ("language", pa.string()),
        ("page_kind", pa.string()),
        ("templates", pa.string()),
    ]
)


def rows(pages: Sequence[SamplePage], columns: Sequence[str]) -> list[Row]:
    """The pages as rows with the column names of their domain."""
    return [
        dict(
            zip(
                columns,
                (p.doc_id, p.text, p.url, p.source, p.language, p.templates, p.page_kind),
                strict=True,
            )
        )
        for p in pages
    ]


def with_bad_rows(good: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """The rows and four that a reader must reject: null text, empty text, no id, an id given before."""
    identity, text = columns[:2]
    model = good[0]
    bad = (
        {**model, identity: "bad-null-text", text: None},
        {**model, identity: "bad-empty-text", text: ""},
        {**model, identity: None},
        {**model, text: f"{model[text]}\n(second copy)"},
    )
    third = len(good) // 3
    return [*good[:third], *bad[:2], *good[third:], *bad[2:]]


def parquet_bytes(table_rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """A Parquet file with string columns."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    return table_bytes(pa.Table.from_pylist(list(table_rows), schema=schema))


def truth_bytes(pages: Sequence[SamplePage]) -> bytes:
    """The labels file of the pages: lines, flags, spans, and whether the document stays."""
    records = [
        {
            "id": p.doc_id,
            "lines": list(p.lines),
            "is_noise": list(p.is_noise),
            "keep": p.keep,
            "spans": [{"line": line, "start": start, "stop": stop} for line, start, stop in p.spans],
            "language": p.language,
            "page_kind": p.page_kind,
            "templates": p.templates,
        }
        for p in pages
    ]
    return table_bytes(pa.Table.from_pylist(records, schema=TRUTH_SCHEMA))


def table_bytes(table: pa.Table) -> bytes:
    """The table as a Parquet file; the same table gives the same bytes."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=200)
    return sink.getvalue()


def json_lines(table_rows: Sequence[Row], unreadable: Sequence[str] = ()) -> bytes:
    """One JSON object a line, then lines that are no JSON."""
    lines = [json.dumps(row, ensure_ascii=False) for row in table_rows]
    return "".join(f"{line}\n" for line in (*lines, *unreadable)).encode()


def compressed(data: bytes, path: Path) -> bytes:
    """The data as the suffix of the path says, without a timestamp in it."""
    if path.suffix == ".gz":
        return gzip.compress(data, mtime=0)
    if path.suffix == ".zst":
        return zstandard.ZstdCompressor(level=6).compress(data)
    return data
