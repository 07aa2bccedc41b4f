import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from prox_assets.errors import StoreError
from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import write_shard_statistics
from prox_assets_tests.quality.shards import PAGES, tables, without, write_shard, write_tables

TOTAL = "SELECT count(*) FROM documents"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    for shard in ("web-000", "web-001"):
        write_shard_statistics(write_shard(tmp_path / f"in-{shard}", shard=shard), tmp_path / shard)
    write_shard_statistics(
        write_shard(tmp_path / "in-math", PAGES[:3], (), "math", "math-000"), tmp_path / "math"
    )
    return [tmp_path / "web-000", tmp_path / "web-001", tmp_path / "math"]


def test_adds_up_the_shards_of_each_domain(folders: list[Path], tmp_path: Path) -> None:
    summary = build_database(folders, tmp_path / "db" / "statistics.duckdb")
    assert (summary.domains, summary.shards, summary.documents) == (("math", "web"), 3, 27)
    assert (summary.tokens_raw, summary.tokens_kept, summary.unreconciled) == (35 + 140, 19 + 90, 0)
    with duckdb.connect(str(summary.path), read_only=True) as connection:
        removed = connection.sql(
            "SELECT call, tokens_removed FROM tokens_by_call WHERE domain = 'web'"
        ).fetchall()
        kept = connection.sql("SELECT keep_ratio FROM domain_totals WHERE domain = 'web'").fetchall()
    assert dict(removed)["remove_lines"] == 22 and dict(removed)["drop_doc"] == 12
    assert kept == [(90 / 140,)]


def test_every_table_and_view_is_described(folders: list[Path], tmp_path: Path) -> None:
    build_database(folders, tmp_path / "statistics.duckdb")
    with duckdb.connect(str(tmp_path / "statistics.duckdb"), read_only=True) as connection:
        tables_ = connection.sql("SELECT table_name, comment FROM duckdb_tables()").fetchall()
        views = connection.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
    assert len(tables_) == 9 and len(views) == 13
    assert [name for name, comment in [*tables_, *views] if not comment] == []


def test_a_reader_keeps_its_file_while_a_new_one_is_swapped_in(folders: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "statistics.duckdb"
    build_database(folders[:1], target)
    with duckdb.connect(str(target), read_only=True) as reader:
        assert reader.sql(TOTAL).fetchall() == [(12,)]
        build_database(folders, target)
        assert reader.sql(TOTAL).fetchall() == [(12,)]
    with duckdb.connect(str(target), read_only=True) as reader:
        assert reader.sql(TOTAL).fetchall() == [(27,)]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["statistics.duckdb"]


def test_another_process_reading_is_neither_locked_out_nor_in_the_way(
    folders: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "statistics.duckdb"
    build_database(folders[:1], target)
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
        f"print(c.sql('{TOTAL}').fetchall(), flush=True); input(); print(c.sql('{TOTAL}').fetchall())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "[(12,)]\n"
        build_database(folders, target)
        assert reader.communicate("\n")[0] == "[(12,)]\n"
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.sql(TOTAL).fetchall() == [(27,)]


def test_what_does_not_reconcile_is_counted(tmp_path: Path) -> None:
    stages = tables(PAGES)
    stages["chunk_refined_corpus"] = without(stages["chunk_refined_corpus"], 0)
    write_shard_statistics(write_tables(tmp_path / "in", stages), tmp_path / "bad")
    assert build_database([tmp_path / "bad"], tmp_path / "s.duckdb").unreconciled == 1


def test_the_same_shard_twice_is_refused_and_the_former_file_stays(
    folders: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "s.duckdb"
    build_database(folders, target)
    before = target.read_bytes()
    write_shard_statistics(write_shard(tmp_path / "again"), tmp_path / "copy")
    with pytest.raises(StoreError, match=r"twice for web\|web-000"):
        build_database([*folders, tmp_path / "copy"], target)
    assert target.read_bytes() == before


def test_a_missing_table_is_named(folders: list[Path], tmp_path: Path) -> None:
    (folders[0] / "funnel.parquet").unlink()
    with pytest.raises(StoreError, match=r"web-000 lacks funnel\.parquet"):
        build_database(folders, tmp_path / "s.duckdb")


def test_no_shards_give_an_empty_database(tmp_path: Path) -> None:
    summary = build_database([], tmp_path / "s.duckdb")
    assert (summary.domains, summary.shards, summary.documents, summary.unreconciled) == ((), 0, 0, 0)
