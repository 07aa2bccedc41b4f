import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prox_assets.cli.refine import over_guard_rail
from prox_assets.errors import StoreError
from prox_assets.quality.statistics.shard import TABLES, ShardInputs, write_shard_statistics
from prox_assets_tests.quality.shards import (
    PAGES,
    Cut,
    Page,
    changed,
    tables,
    without,
    write_shard,
    write_tables,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("statistics")
    write_shard_statistics(write_shard(base / "shard"), base / "out")
    return base / "out"


def rows(folder: Path, table: str, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.sql(f"SELECT {columns} FROM '{folder / table}.parquet'").fetchall()


def test_figures_of_the_shard(tmp_path: Path) -> None:
    found = write_shard_statistics(write_shard(tmp_path / "shard"), tmp_path / "out")
    assert (found.documents, found.documents_accepted, found.documents_after_doc, found.documents_kept) == (
        12,
        9,
        7,
        6,
    )
    assert (found.tokens_raw, found.tokens_after_doc, found.tokens_kept, found.unaccounted) == (70, 63, 45, 0)


def test_funnel_by_hand(folder: Path) -> None:
    assert rows(folder, "funnel", "stage, flow, reason, documents, tokens, characters") == [
        ("raw_documents", "entered", "", 12, 70, 397),
        ("raw_documents", "kept", "", 9, 70, 397),
        ("raw_documents", "lost", "duplicate_id", 1, 0, 0),
        ("raw_documents", "lost", "empty_text", 1, 0, 0),
        ("raw_documents", "lost", "missing_id", 1, 0, 0),
        ("doc_refined_corpus", "entered", "", 9, 70, 397),
        ("doc_refined_corpus", "kept", "", 7, 63, 361),
        ("doc_refined_corpus", "lost", "drop_doc", 1, 6, 31),
        ("doc_refined_corpus", "lost", "refiner_failed", 1, 1, 5),
        ("chunk_refined_corpus", "edited", "normalize", 0, 3, 11),
        ("chunk_refined_corpus", "edited", "remove_lines", 0, 11, 85),
        ("chunk_refined_corpus", "entered", "", 7, 63, 361),
        ("chunk_refined_corpus", "kept", "", 6, 45, 239),
        ("chunk_refined_corpus", "lost", "too_little_left", 1, 4, 26),
    ]


def test_documents_say_where_and_why_each_went(folder: Path) -> None:
    found = {
        row: rest
        for row, *rest in rows(folder, "documents", "row, status, lost_at, reason, tokens_chunk, n_edits")
    }
    assert len(found) == 12
    assert found[0] == ["kept", None, None, 10, 2]
    assert found[1] == ["dropped", "doc_refined_corpus", "drop_doc", 0, 0]
    assert found[2] == ["kept", None, None, 9, 1]
    assert found[4] == ["emptied", "chunk_refined_corpus", "too_little_left", 0, 1]
    assert found[7] == ["dropped", "doc_refined_corpus", "refiner_failed", 0, 0]
    assert found[9] == ["rejected", "raw_documents", "duplicate_id", 0, 0]


def test_calls_by_hand(folder: Path) -> None:
    found = set(
        rows(folder, "calls", "call, outcome, document_status, times, characters_removed, tokens_removed")
    )
    assert found == {
        ("drop_doc", "dropped", "dropped", 1, 31, 6),
        ("keep_doc", "kept", "emptied", 1, 0, 0),
        ("keep_doc", "kept", "kept", 6, 0, 0),
        ("none", "refiner_failed", "dropped", 1, 0, 0),
        ("keep_chunk", "kept", "kept", 1, 0, 0),
        ("normalize", "applied", "kept", 2, 11, 3),
        ("normalize", "no_match", "kept", 1, 0, 0),
        ("remove_lines", "applied", "emptied", 1, 0, 0),
        ("remove_lines", "applied", "kept", 4, 85, 11),
    }


def test_lengths_scores_and_positions_count_everything_once(folder: Path) -> None:
    lengths = {
        (stage, low): count for stage, low, count in rows(folder, "lengths", "stage, tokens_from, documents")
    }
    assert lengths["raw_documents", 4] == 5 and lengths["raw_documents", 16] == 1
    assert sum(count for (stage, _), count in lengths.items() if stage == "chunk_refined_corpus") == 6
    scores = {(kind, bin_): n for kind, bin_, n in rows(folder, "scores", "kind, bin, n")}
    assert scores["document", 48] == 1 and scores["document", 45] == 1  # 0.97 and 0.9
    assert sum(n for (kind, _), n in scores.items() if kind == "document") == 8
    positions = {(call, tenth): n for call, tenth, n in rows(folder, "edit_positions", "call, tenth, edits")}
    assert positions == {
        ("normalize", 0): 1,
        ("normalize", 4): 1,
        ("remove_lines", 0): 2,
        ("remove_lines", 5): 1,
        ("remove_lines", 7): 1,
    }


def test_costs_add_up_and_count_operations(folder: Path) -> None:
    assert rows(folder, "costs", "stage, device, seconds, documents, tokens_in, operations") == [
        ("chunk_programs", "cuda", 4.0, 6, 1200, 2 * 9_000 * 1_300),
        ("doc_programs", "cpu", 3.0, 8, 1500, 2 * 7_000 * 1_500),
        ("doc_refined_corpus", "cpu", 0.5, 8, 0, 0),
    ]


def test_no_text_gets_into_the_statistics(folder: Path) -> None:
    for table in TABLES:
        written = str(rows(folder, table, "*"))
        gone = table == "removed_texts"  # what kept documents lost most often is all the text there is
        assert not re.search("Nile|cheap pills|Rhein" + ("" if gone else "|Facebook|alert"), written), table


def test_a_row_missing_at_a_later_stage_is_unaccounted(tmp_path: Path) -> None:
    stages = tables(PAGES)
    stages["chunk_refined_corpus"] = without(stages["chunk_refined_corpus"], 0)
    found = write_shard_statistics(write_tables(tmp_path / "shard", stages), tmp_path / "out")
    assert found.unaccounted == 1
    assert ("lost", "unaccounted", 1, 18) in rows(
        tmp_path / "out", "funnel", "flow, reason, documents, tokens"
    )


def test_files_of_different_inputs_are_refused(tmp_path: Path) -> None:
    stages = tables(PAGES)
    stages["doc_refined_corpus"] = tables([*PAGES, Page("web-9", "more")])["doc_refined_corpus"]
    with pytest.raises(StoreError, match=r"doc_refined_corpus of web\|web-000 .* materialize"):
        write_shard_statistics(write_tables(tmp_path / "shard", stages), tmp_path / "out")


def test_the_same_shard_gives_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    write_shard_statistics(write_shard(tmp_path / "shard"), tmp_path / "out")
    for table in TABLES:
        assert (tmp_path / "out" / f"{table}.parquet").read_bytes() == (
            folder / f"{table}.parquet"
        ).read_bytes()


def test_a_shard_without_documents_has_empty_tables(tmp_path: Path) -> None:
    empty = ShardInputs("web", "none", (), (), (), (), (), ())
    assert write_shard_statistics(empty, tmp_path).documents == 0
    assert all(rows(tmp_path, table, "*") == [] for table in TABLES)


WORDS = st.lists(st.sampled_from(["tea", "河", "a b", "x", "menu"]), max_size=5).map(" ".join)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map("\n".join)
CUTS = st.lists(
    st.sampled_from([Cut("menu"), Cut("tea", "normalize", "TEA"), Cut("a b", outcome="no_match")]),
    max_size=2,
    unique=True,
)
ANY_PAGE = st.builds(
    Page,
    doc_id=st.uuids().map(str),
    text=TEXTS,
    keep_probability=st.none() | st.floats(0, 1, width=32),
    doc_reason=st.sampled_from(["", "", "drop_doc", "too_short"]),
    chunk_reason=st.sampled_from(["", "", "over_guard_rail"]),
    cuts=CUTS.map(tuple),
).map(lambda page: page if all(cut.what in page.text for cut in page.cuts) else Page(page.doc_id, page.text))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pages=st.lists(ANY_PAGE, max_size=6),
    rejected=st.lists(st.sampled_from(["missing_id", "unreadable"]), max_size=2),
)
def test_every_source_row_is_accounted_for_exactly_once(
    pages: list[Page], rejected: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("law")
    inputs = write_shard(base / "shard", pages, [(None, reason) for reason in rejected])
    found = write_shard_statistics(inputs, base / "out")
    documents = rows(base / "out", "documents", "row, lost_at")
    assert sorted(row for row, _ in documents) == list(range(len(pages) + len(rejected)))
    flows = rows(base / "out", "funnel", "stage_order, flow, documents, tokens, characters")
    entered = {order: tuple(counts) for order, flow, *counts in flows if flow == "entered"}
    for order in entered:
        left = [counts for at, flow, *counts in flows if at == order and flow != "entered"]
        assert entered[order] == tuple(map(sum, zip(*left, strict=True)))
    for order in (1, 2):
        kept = [tuple(counts) for at, flow, *counts in flows if at == order and flow == "kept"]
        assert kept == ([entered[order + 1]] if order + 1 in entered else [])
    assert found.documents_kept == sum(page.kept for page in pages)
    assert found.tokens_kept == sum(page.tokens_out for page in pages)
    assert rows(base / "out", "funnel", "reason").count(("unaccounted",)) == 0
    removed = sum(tokens for (tokens,) in rows(base / "out", "calls", "tokens_removed"))
    guarded = sum(
        tokens
        for flow, reason, tokens in rows(base / "out", "funnel", "flow, reason, tokens")
        if flow == "lost" and reason != "drop_doc"
    )
    assert removed + guarded == found.tokens_raw - found.tokens_kept


@pytest.mark.parametrize(
    ("row", "reason", "over"), [(4, "over_removed", 1), (0, "over_guard_rail", 1), (4, "too_short", 0)]
)
def test_documents_over_a_guard_rail_are_counted(row: int, reason: str, over: int, tmp_path: Path) -> None:
    stages = tables(PAGES)
    stages["chunk_refined_corpus"] = changed(stages["chunk_refined_corpus"], row, reason=reason)
    found = write_shard_statistics(write_tables(tmp_path / "shard", stages), tmp_path / "out")
    assert found.over_guard_rail == over
    assert bool(list(over_guard_rail([found], 0.05))) is bool(over)
    assert not list(over_guard_rail([found], 1.0))
