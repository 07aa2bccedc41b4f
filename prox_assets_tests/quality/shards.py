"""Small shards that agree at every stage, written as the pipeline writes them; the truth is in the pages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents import schema
from prox_assets.quality.statistics.shard import CostRecord, RunRecord, ShardInputs

COSTS = (
    CostRecord("doc_programs", 2.0, "cpu", 5, 1_000, parameters=7_000),
    CostRecord("doc_programs", 1.0, "cpu", 3, 500, parameters=7_000),
    CostRecord("doc_refined_corpus", 0.5, "cpu", 8, 0),
    CostRecord("chunk_programs", 4.0, "cuda", 6, 1_200, tokens_out=100, parameters=9_000),
)


RULE_FILTERED = "rule_filtered_corpus"


RUNS = tuple(
    RunRecord(stage, f"f-{stage}", 9, 2, datetime(2026, 1, day))
    for day, stage in enumerate(("raw_documents", "doc_programs", "doc_refined_corpus"), 1)
)


@dataclass(frozen=True)
class Cut:
    """An edit: the span of the page's text from the first `what`, replaced by `replacement`."""

    what: str
    call: str = "remove_lines"
    replacement: str = ""
    outcome: str = "applied"
    score: float | None = 0.9


@dataclass(frozen=True)
class Page:
    doc_id: str
    text: str
    keep_probability: float | None = 0.9
    doc_reason: str = ""  # why the document stage dropped it
    chunk_reason: str = ""  # why the chunk stage emptied it
    cuts: tuple[Cut, ...] = ()
    source: str | None = "example.org"
    language: str | None = "en"
    url: str | None = None
    failed: bool = False

    @property
    def kept_after_doc(self) -> bool:
        return not self.doc_reason

    @property
    def kept(self) -> bool:
        return self.kept_after_doc and not self.chunk_reason

    @property
    def tokens(self) -> list[int]:
        return [match.start() for match in re.finditer(r"\S+", self.text)]

    def edits(self) -> list[dict[str, Any]]:
        return [self._edit(cut) for cut in self.cuts] if self.kept_after_doc else []

    def _edit(self, cut: Cut) -> dict[str, Any]:
        start = max(0, self.text.find(cut.what))
        stop = start + len(cut.what) if cut.what in self.text else start
        removed = sum(start <= token < stop for token in self.tokens) if cut.outcome == "applied" else 0
        return {
            "chunk": 0,
            "call": cut.call,
            "outcome": cut.outcome,
            "start": start,
            "stop": stop,
            "replacement": cut.replacement,
            "score": cut.score,
            "n_tokens": removed,
        }

    @property
    def refined(self) -> str:
        text = self.text
        for edit in sorted(self.edits(), key=lambda edit: -edit["start"]):
            if edit["outcome"] == "applied":
                text = text[: edit["start"]] + edit["replacement"] + text[edit["stop"] :]
        return text if self.kept else ""

    @property
    def tokens_out(self) -> int:
        return len(self.tokens) - sum(edit["n_tokens"] for edit in self.edits()) if self.kept else 0


HOSTILE = (
    '<script>document.title="owned"</script>\n<img src=x onerror=alert(1)>\n'
    "</script><!-- \" ' & -->\nA fair line here."
)

PAGES = (
    Page(
        "web-0",
        "Home | About | Login\nThe Nile is a river in Africa.\nIt is long.\nShare on Facebook\n",
        0.97,
        cuts=(Cut("Home | About | Login\n"), Cut("Share on Facebook\n", score=0.55)),
    ),
    Page("web-1", "cheap pills buy now cheap pills", 0.03, doc_reason="drop_doc", source="spam.example"),
    Page(
        "web-2",
        "Der Rhein ist ein Fluss. Mehr lesen\nEr fließt nach Norden.",
        0.81,
        cuts=(
            Cut(" Mehr lesen", "normalize", score=0.7),
            Cut("colour", "normalize", outcome="no_match", score=None),
        ),
        language="de",
    ),
    Page(
        "web-3",
        "黄河是中国的一条河流。\n点击 分享\n它很长。",
        0.52,
        cuts=(Cut("点击 分享\n"),),
        language="zh",
        source=None,
    ),
    Page(
        "web-4",
        "cookies cookies cookies\nok",
        0.49,
        chunk_reason="too_little_left",
        cuts=(Cut("cookies cookies cookies\n"),),
    ),
    Page(
        "web-5",
        HOSTILE,
        0.6,
        cuts=(Cut('<script>document.title="owned"</script>\n', score=0.99),),
        source="<b>evil</b>",
    ),
    Page("web-6", "النيل نهر طويل في أفريقيا.\nاقرأ المزيد", 0.75, language="ar"),
    Page("web-7", "short", None, doc_reason="refiner_failed", failed=True),
    Page(
        "web-8",
        "Teh cat sat.\nThe dog ran.",
        0.9,
        cuts=(Cut("Teh", "normalize", "The", score=0.6),),
    ),
)

REJECTED: tuple[tuple[str | None, str], ...] = (
    ("web-0", "duplicate_id"),
    (None, "missing_id"),
    ("web-x", "empty_text"),
)


def tables(pages: Sequence[Page], rejected: Sequence[tuple[str | None, str]] = ()) -> dict[str, pa.Table]:
    """All stages of a shard. Rejected rows come last in the source."""
    rows = list(enumerate(pages))
    return {
        "raw_documents": _table(schema.RAW, [_raw(row, page) for row, page in rows]),
        "rejected": _table(
            schema.REJECTED,
            [
                {
                    "row": len(pages) + index,
                    "doc_id": doc_id,
                    "reason": reason,
                    "detail": "in a test",
                    "raw": "{}",
                }
                for index, (doc_id, reason) in enumerate(rejected)
            ],
        ),
        "doc_programs": _table(schema.DOC_PROGRAMS, [_doc_program(row, page) for row, page in rows]),
        "doc_refined_corpus": _table(schema.DOC_REFINED, [_doc_refined(row, page) for row, page in rows]),
        "chunk_programs": _table(
            schema.CHUNK_PROGRAMS,
            [_chunk_program(row, page) for row, page in rows if page.kept_after_doc and page.text],
        ),
        "chunk_refined_corpus": _table(
            schema.CHUNK_REFINED, [_chunk_refined(row, page) for row, page in rows]
        ),
        RULE_FILTERED: _table(schema.RULE_FILTERED, [_rule_filtered(row, page) for row, page in rows]),
    }


def write_shard(
    folder: Path,
    pages: Sequence[Page] = PAGES,
    rejected: Sequence[tuple[str | None, str]] = REJECTED,
    domain: str = "web",
    shard: str = "web-000",
    costs: tuple[CostRecord, ...] = COSTS,
) -> ShardInputs:
    """Write a shard, each stage in two files, and name its files."""
    return write_tables(folder, tables(pages, rejected), domain, shard, costs)


def write_tables(
    folder: Path,
    stages: dict[str, pa.Table],
    domain: str = "web",
    shard: str = "web-000",
    costs: tuple[CostRecord, ...] = COSTS,
) -> ShardInputs:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {stage: tuple(_write_parts(table, folder, stage)) for stage, table in stages.items()}
    refined = {stage: files for stage, files in paths.items() if stage != RULE_FILTERED}
    return ShardInputs(domain=domain, shard=shard, costs=costs, runs=RUNS, **refined)


def files_of(inputs: ShardInputs, asset: str) -> tuple[Path, ...]:
    """The files of any checked asset, the baseline's too, which the statistics do not read."""
    return tuple(sorted(inputs.raw_documents[0].parent.glob(f"{asset}-*.parquet")))


def changed(table: pa.Table, at: int, **values: Any) -> pa.Table:
    """The table with some values of one row (by position) replaced."""
    rows = table.to_pylist()
    rows[at] = {**rows[at], **values}
    return pa.Table.from_pylist(rows, schema=table.schema)


def without(table: pa.Table, row: int) -> pa.Table:
    """The table without one row (by position)."""
    rows = table.to_pylist()
    return pa.Table.from_pylist(rows[:row] + rows[row + 1 :], schema=table.schema)


def many_pages(count: int) -> list[Page]:
    """`count` pages made of the sound ones, with ids of their own."""
    return [replace(PAGES[index % len(PAGES)], doc_id=f"many-{index}") for index in range(count)]


def _table(table_schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=table_schema)


def _write_parts(table: pa.Table, folder: Path, stage: str) -> Iterable[Path]:
    half = (table.num_rows + 1) // 2
    for index, part in enumerate((table.slice(0, half), table.slice(half))):
        path = folder / f"{stage}-{index}.parquet"
        pq.write_table(part, path)
        yield path


def _raw(row: int, page: Page) -> dict[str, Any]:
    return {
        "row": row,
        "doc_id": page.doc_id,
        "text": page.text,
        "url": page.url,
        "source": page.source,
        "language": page.language,
        "metadata": "{}",
    }


def _doc_program(row: int, page: Page) -> dict[str, Any]:
    keep = page.doc_reason != "drop_doc"
    return {
        "row": row,
        "doc_id": page.doc_id,
        "keep_probability": page.keep_probability,
        "program": "" if page.failed else "keep_doc()" if keep else "drop_doc()",
        "n_tokens": len(page.tokens),
        "n_tokens_seen": min(512, len(page.tokens)),
        "status": "failed" if page.failed else "ok",
        "error": "out of memory" if page.failed else None,
    }


def _doc_refined(row: int, page: Page) -> dict[str, Any]:
    kept = page.kept_after_doc
    return {
        **_raw(row, page),
        "text": page.text if kept else "",
        "status": "kept" if kept else "dropped",
        "reason": page.doc_reason,
        "n_tokens": len(page.tokens),
        "keep_probability": page.keep_probability,
    }


def _chunk_program(row: int, page: Page) -> dict[str, Any]:
    lines = page.text.count("\n") + 1
    spans = [{key: edit[key] for key in ("start", "stop", "score")} for edit in page.edits() if edit["score"]]
    return {
        "row": row,
        "doc_id": page.doc_id,
        "chunk": 0,
        "line_start": 0,
        "line_stop": lines,
        "start": 0,
        "stop": len(page.text),
        "n_tokens": len(page.tokens),
        "program": "\n".join(f"{cut.call}(…)" for cut in page.cuts) or "keep_chunk()",
        "call_scores": [cut.score or 0.0 for cut in page.cuts],
        "line_scores": [index / max(1, lines) for index in range(lines)],
        "spans": spans,
        "status": "ok",
        "error": None,
    }


def _chunk_refined(row: int, page: Page) -> dict[str, Any]:
    status = "kept" if page.kept else "emptied" if page.kept_after_doc else "dropped"
    return {
        **_raw(row, page),
        "text": page.refined,
        "status": status,
        "reason": page.doc_reason or page.chunk_reason,
        "n_tokens_in": len(page.tokens) if page.kept_after_doc else 0,
        "n_tokens_out": page.tokens_out,
        "edits": page.edits(),
    }


def _rule_filtered(row: int, page: Page) -> dict[str, Any]:
    """Rules that drop the pages that the document stage drops."""
    kept = page.kept_after_doc
    return {
        **_raw(row, page),
        "text": page.text if kept else "",
        "status": "kept" if kept else "dropped",
        "reason": "" if kept else "gopher_word_count",
    }
