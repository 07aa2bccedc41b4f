"""The questions of docs/statistics.md, asked of a real database; and the page names what that has."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import write_shard_statistics
from prox_assets_tests.quality.shards import write_shard

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^### (.+?)\n\n```sql\n(.+?)```", PAGE, flags=re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    base = tmp_path_factory.mktemp("questions")
    write_shard_statistics(write_shard(base / "shard"), base / "statistics")
    build_database([base / "statistics"], base / "s.duckdb")
    with duckdb.connect(str(base / "s.duckdb"), read_only=True) as connection:
        yield connection


def test_there_are_questions_enough() -> None:
    assert len(QUESTIONS) >= 20 and len(QUESTIONS) == PAGE.count("```sql") == PAGE.count("\n### ")


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_question_has_an_answer(question: str, database: duckdb.DuckDBPyConnection) -> None:
    assert database.execute(QUESTIONS[question]).fetchall() != []


ANSWERS = {
    "Why did this document go?": [
        ("web-000", 1, "dropped", "doc_refined_corpus", "drop_doc", pytest.approx(0.03), "drop_doc()")
    ],
    "Does everything add up?": [(0,)],
    "What is left of each domain?": [("web", 12, 6, 70, 45, 0.643)],
    "On which documents did the refiner fail?": [("web-000", 7, "web-7", "dropped")],
    "What does the refiner take for noise?": [
        ("normalize", "Mehr lesen", 1, 1),
        ("normalize", "Teh", 1, 1),
        ("remove_lines", '<script>document.title="owned"</script>', 1, 1),
        ("remove_lines", "Home | About | Login", 1, 1),
        ("remove_lines", "Share on Facebook", 1, 1),
        ("remove_lines", "点击 分享", 1, 1),
    ],
    "Does the refiner only cut tails?": [(0, 7, 0.5), (4, 2, 2 / 14), (5, 2, 2 / 14), (7, 3, 3 / 14)],
}


@pytest.mark.parametrize("question", ANSWERS)
def test_the_answer_is_right(question: str, database: duckdb.DuckDBPyConnection) -> None:
    assert sorted(database.execute(QUESTIONS[question]).fetchall()) == sorted(ANSWERS[question])


def test_tokens_removed_by_each_call(database: duckdb.DuckDBPyConnection) -> None:
    rows = database.execute(QUESTIONS["How many tokens did each call remove?"]).fetchall()
    assert {(call, times, took_effect, tokens) for _, call, times, took_effect, tokens, _ in rows} == {
        ("remove_lines", 5, 5, 11),
        ("drop_doc", 1, 1, 6),
        ("normalize", 3, 2, 3),
        ("keep_doc", 7, 7, 0),
        ("keep_chunk", 1, 1, 0),
        ("none", 1, 0, 0),
    }


def test_every_table_view_and_column_is_on_the_page(database: duckdb.DuckDBPyConnection) -> None:
    found = database.execute(
        """
        SELECT table_name FROM duckdb_tables()
        UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal
        UNION ALL SELECT column_name FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (table_name)
        """
    ).fetchall()
    assert [name for (name,) in found if f"`{name}`" not in PAGE] == []
