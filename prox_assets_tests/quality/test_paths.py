"""A storage in a folder of any name: DuckDB never reads its paths as patterns."""

from pathlib import Path

import duckdb
import pytest

from prox_assets.quality.checks.expectations import checked_tables
from prox_assets.quality.checks.rules import CheckLimits
from prox_assets.quality.report.inputs import ReportInputs, ShardTexts
from prox_assets.quality.report.page import build_report
from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import ShardInputs, write_shard_statistics
from prox_assets_tests.quality.shards import PAGES, files_of, many_pages, write_shard
from prox_assets_tests.quality.test_expectations import FINAL, conservation

#: Names, and what they match where they are taken for patterns.
NAMES = {"a[b]*?c [red]x": "ab-c rx", "what?": "whats", "**": "anything", "[0-9]": "7", "{a,b} $x'": "a"}
ODDEST = next(iter(NAMES))


def _folder(parent: Path, name: str) -> tuple[Path, ShardInputs]:
    """Make a folder with a shard in it, and beside it one that its name would match, with other documents."""
    twin = parent / NAMES[name]
    write_shard_statistics(write_shard(twin / "shard", many_pages(30)), twin / "statistics")
    return parent / name, write_shard(parent / name / "shard", PAGES)


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_those_of_the_shard_alone(tmp_path: Path, name: str) -> None:
    base, shard = _folder(tmp_path, name)
    statistics = write_shard_statistics(shard, base / "statistics")
    assert (statistics.documents, statistics.documents_kept, statistics.unaccounted) == (12, 6, 0)


def test_checks_read_the_shard_alone(tmp_path: Path) -> None:
    _, shard = _folder(tmp_path, ODDEST)
    files = files_of(shard, FINAL)
    with checked_tables(FINAL, files, conservation(FINAL, shard), CheckLimits()) as tables:
        assert tables.rows == 9
        connection = duckdb.connect(str(tables.database), read_only=True)
        assert connection.execute("SELECT count(*) FROM checked").fetchall() == [(9,)]
        connection.close()


def test_database_and_report_stand_in_such_a_folder(tmp_path: Path) -> None:
    base, shard = _folder(tmp_path, ODDEST)
    write_shard_statistics(shard, base / "statistics")
    database = base / "statistics.duckdb"
    assert build_database([base / "statistics"], database).documents == 12
    assert sorted(path.name for path in base.iterdir()) == ["shard", "statistics", "statistics.duckdb"]
    texts = ShardTexts("web-000", shard.raw_documents, shard.chunk_refined_corpus)
    report = build_report(
        ReportInputs(domain="web", database=database, shards=(texts,)), base / "report.html"
    )
    assert "before" in report.read_text(encoding="utf-8")
