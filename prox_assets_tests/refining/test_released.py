import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.documents.store import ShardKey, Store
from prox_assets.programs import Rails, Stage, parse
from prox_assets.programs.profiles.prox import execution_as_released
from prox_assets.refining.execution import as_released
from prox_assets.refining.stages import write_chunk_refined
from prox_assets_tests.conftest import Graph


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("remove_lines(0, 2)", "remove_lines(start=0, end=2)"),
        ('normalize("a b", "")', 'normalize(source_str="a b", target_str="")'),
        ("keep_chunk()", "keep_chunk()"),
        ("remove_lines(all=True)", "remove_lines(all=True)"),
        ("remove_lines(start=3, en", "remove_lines(start=3, en"),
        (r"normalize('a', '\ud83d\ude00')", 'normalize(source_str="a", target_str="\U0001f600")'),
        (r"normalize('a', '\ud83d')", r"normalize('a', '\ud83d')"),
    ],
)
def test_programs_are_written_as_the_released_executor_reads_them(program: str, expected: str) -> None:
    assert as_released(program) == expected


@given(st.text("ab \\ud83de0'\"(),=", max_size=12), st.sampled_from(["'", '"']))
def test_the_profile_gives_texts_that_can_be_stored(target: str, quote: str) -> None:
    program = f"normalize(source_str={quote}a{quote}, target_str={quote}{target}\\ud83d\\ude00{quote})"
    words = "a b c d e f g h i j k l m n"
    assert execution_as_released(words, [as_released(program)]).text.encode()
    lone = program.replace("\\ude00", "")
    if parse(lone, Stage.CHUNK).refusals:
        assert execution_as_released(words, [as_released(lone)]) == execution_as_released(words, [lone])


def test_the_profile_refines_a_shard_and_accounts_for_it(graph: Graph) -> None:
    """Both executors remove the same lines; only the profile deletes documents with few words left."""
    store, key = graph.store, "part-000"
    refined = store.shard(ShardKey("web", "doc_refined_corpus", key))
    programs = store.shard(ShardKey("web", "chunk_programs", key))
    checkpoint = store.artifact("web", "doc_refiner").folder / "checkpoint"
    results = {}
    for name, rails in (("default", Rails()), ("prox", None)):
        target = Store(graph.sample.parent / f"executor-{name}")
        done = write_chunk_refined(target, refined, programs, checkpoint, rails, None, lambda progress: None)
        rows = [row for path in done.paths() for row in pq.read_table(path).to_pylist()]
        results[name] = {row["doc_id"]: row for row in rows}
        for row in rows:
            removed = sum(edit["n_tokens"] for edit in row["edits"] if edit["outcome"] == "applied")
            assert row["n_tokens_in"] - row["n_tokens_out"] == removed, json.dumps(row)
    kept = [row for row in results["default"].values() if row["status"] == "kept" and row["edits"]]
    only_lines = [
        row
        for row in kept
        if all(edit["call"] in ("remove_lines", "keep_chunk") for edit in row["edits"])
        and results["prox"][row["doc_id"]]["status"] == "kept"
    ]
    assert len(only_lines) > 10
    for row in only_lines:
        if row["reason"] == "":
            assert results["prox"][row["doc_id"]]["text"] == row["text"]
