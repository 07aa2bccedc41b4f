import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.errors import InputError
from prox_assets.review.comparison import BOTH, LEFT, RIGHT, RemovedText, compare, differences, removals
from prox_assets.review.variants import ShardOf, Side
from prox_assets_tests.quality.shards import PAGES, Cut, Page, tables

PAGE = (Path(__file__).parents[2] / "docs" / "comparing.md").read_text(encoding="utf-8")
OTHER = (
    replace(PAGES[0], cuts=(Cut("Share on Facebook\n"), Cut("It is long.\n", score=0.51))),
    replace(PAGES[1], doc_reason=""),
    *PAGES[2:],
)


def committed(store: Store, asset: str, table: pa.Table) -> FinishedShard:
    writer = store.writer(ShardKey("web", asset, "web-000"), {"of": str(table.to_pylist())})
    for start, stop in ((0, 4), (4, table.num_rows)):
        writer.commit(RowRange(start, stop), table.slice(start, stop - start))
    return writer.finish()


def refined(store: Store, pages: tuple[Page, ...]) -> FinishedShard:
    return committed(store, "chunk_refined_corpus", tables(pages)["chunk_refined_corpus"])


@pytest.fixture
def shards(tmp_path: Path) -> tuple[FinishedShard, FinishedShard, FinishedShard]:
    store = Store(tmp_path / "storage")
    raw = committed(store, "raw_documents", tables(PAGES)["raw_documents"])
    return raw, refined(store, PAGES), refined(store, OTHER)


def test_the_database_says_who_removes_what(
    shards: tuple[FinishedShard, FinishedShard, FinishedShard], tmp_path: Path
) -> None:
    raw, ours, others = shards
    found = compare(raw, Side("ours", ours), Side("others", others), tmp_path / "out")
    with duckdb.connect(str(found.database), read_only=True) as database:
        differing = database.execute("SELECT doc_id, side, call, text FROM differences").fetchall()
        assert differing == [
            ("web-0", "left", "remove_lines", "Home | About | Login\n"),
            ("web-0", "right", "remove_lines", "It is long.\n"),
            ("web-1", "left", "drop_doc", PAGES[1].text),
        ]
        assert database.execute("SELECT * FROM fates WHERE left_status <> right_status").fetchall() == [
            ("dropped", "kept", 1, len(PAGES[1].text))
        ]
        for query in re.findall(r"```sql\n(.+?)```", PAGE, flags=re.DOTALL):
            assert database.execute(query).fetchall()
        names = database.execute(
            "SELECT table_name FROM duckdb_tables() "
            "UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        assert [name for (name,) in names if f"`{name}`" not in PAGE] == []
    assert (
        found.summary["removed_by_left"] == 21 + len(PAGES[1].text)
        and found.summary["removed_by_right"] == 12
    )
    page = found.page.read_text()
    assert '<span class="right" title="remove_lines, score 0.51">It is long.' in page
    assert "<script" not in page and "http:" not in page


def test_runs_are_named_by_their_fingerprint_and_storages_by_their_folder(
    shards: tuple[FinishedShard, FinishedShard, FinishedShard], tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text(
        f"storage: {tmp_path / 'storage'}\n"
        "domains: {web: {inputs: [{path: nowhere}], teacher: {kind: rules}}}\n"
    )
    shard = ShardOf.open(catalogue, "web", "web-000", tmp_path / "scratch")
    assert shard.side("current").refined == shards[2]
    assert shard.side(shards[1].fingerprint[:8]).refined == shards[1]
    assert shard.side(str(tmp_path / "storage")).refined == shards[2]
    with pytest.raises(InputError, match=f"its runs are: .*{shards[1].fingerprint}"):
        shard.side("nothing")


def test_documents_without_language_or_source_are_compared(tmp_path: Path) -> None:
    pages = tuple(replace(page, language=None, source=None) for page in PAGES)
    store = Store(tmp_path / "storage")
    raw = committed(store, "raw_documents", tables(pages)["raw_documents"])
    found = compare(
        raw, Side("one", refined(store, pages)), Side("two", refined(store, pages[:4] + OTHER[4:])), tmp_path
    )
    assert found.summary["agreement"] == 1 and "(none)" in found.page.read_text()


@pytest.mark.parametrize("ranges", [0, 1], ids=["no ranges", "a range without rows"])
def test_a_shard_without_documents_is_compared(ranges: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "storage")

    def empty(asset: str) -> FinishedShard:
        writer = store.writer(ShardKey("web", asset, "web-000"), {"asset": asset})
        for _ in range(ranges):
            writer.commit(RowRange(0, 3), tables(())[asset])
        return writer.finish()

    raw, edited = empty("raw_documents"), empty("chunk_refined_corpus")
    summary = compare(raw, Side("one", edited), Side("two", edited), tmp_path / "out").summary
    assert summary.pop("agreement") is None
    assert set(summary.values()) == {0}


def test_other_documents_are_refused(
    shards: tuple[FinishedShard, FinishedShard, FinishedShard], tmp_path: Path
) -> None:
    strange = refined(
        Store(tmp_path / "other"), tuple(replace(page, doc_id=f"x{page.doc_id}") for page in PAGES)
    )
    with pytest.raises(InputError, match="row 0 is web-0 and xweb-0: not one corpus"):
        compare(shards[0], Side("a", shards[1]), Side("b", strange), tmp_path / "out")


@st.composite
def removed(draw: st.DrawFn) -> list[RemovedText]:
    ends = sorted(draw(st.sets(st.integers(0, 30), max_size=8)))
    return [
        RemovedText("", start, stop, "x", None) for start, stop in zip(ends[::2], ends[1::2], strict=False)
    ]


@given(removed(), removed())
def test_every_character_is_accounted_for(left: list[RemovedText], right: list[RemovedText]) -> None:
    def covered(parts: list[RemovedText], *sides: str) -> list[int]:
        return [at for part in parts if part.side in sides for at in range(part.start, part.stop)]

    found = differences(left, right)
    assert sorted(covered(found, LEFT, BOTH)) == covered(left, "")
    assert sorted(covered(found, RIGHT, BOTH)) == covered(right, "")
    assert not set(covered(found, LEFT)) & set(covered(found, RIGHT))


def test_a_document_that_went_is_removed_as_a_whole() -> None:
    row = {"status": "emptied", "reason": "too_little_left", "edits": []}
    assert removals(row, 7) == [RemovedText("", 0, 7, "too_little_left", None)]
