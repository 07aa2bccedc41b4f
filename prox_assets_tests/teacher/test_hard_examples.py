import pyarrow as pa
import pytest

from prox_assets.teacher.agreement import DocumentJudgement
from prox_assets.teacher.hard_examples import (
    FreshPool,
    RefinerScores,
    disagreements,
    hardest,
    pool_table,
)
from prox_assets.teacher.sampling import Holdout, sampling_rank
from prox_assets_tests.teacher.seeds import raw_batch


def judgement(keep: bool | None) -> DocumentJudgement:
    return DocumentJudgement(keep, None, None, "")


def test_the_pool_is_what_comes_next_in_the_order_of_sampling() -> None:
    ids = [f"d{number}" for number in range(50)]
    seeds = sorted(ids, key=lambda doc_id: sampling_rank(doc_id, 3))[:10]
    pool = FreshPool(5, 3, seeds, [], None)
    pool.add(raw_batch(ids), "s0")
    assert pool.table()["doc_id"].to_pylist() == sorted(ids, key=lambda d: sampling_rank(d, 3))[10:15]


def test_what_has_a_seeds_text_or_is_held_out_is_not_fresh() -> None:
    pool = FreshPool(5, 0, [], ["text of copy"], Holdout("source", values=frozenset({"held.example"})))
    pool.add(raw_batch(["copy", "new"]), "s0")
    pool.add(raw_batch(["kept back"], host="held.example"), "s1")
    assert pool.table()["doc_id"].to_pylist() == ["new"]


def test_disagreement_is_the_distance_from_what_the_teacher_says() -> None:
    scores = {
        "right": RefinerScores(0.9, [0.1, 0.9, 0.5]),
        "wrong": RefinerScores(0.2, [0.9, 0.2, 0.5]),
        "dropped": RefinerScores(0.3, [1.0, 1.0, 1.0]),
        "unknown": RefinerScores(0.3, [1.0, 1.0, 1.0]),
    }
    documents = {"right": judgement(True), "wrong": judgement(True), "dropped": judgement(False)}
    lines = dict.fromkeys(("right", "wrong", "dropped"), (False, True, None))
    found = {one.doc_id: one for one in disagreements(scores, documents, lines)}
    assert found["right"].document == pytest.approx(0.1)
    assert found["right"].lines == pytest.approx(0.1)
    assert found["wrong"].total == pytest.approx(0.8 + 0.85)
    assert (found["dropped"].document, found["dropped"].lines) == (pytest.approx(0.3), None)
    assert (found["unknown"].document, found["unknown"].lines) == (None, None)
    chosen = hardest(found.values(), 2)
    assert [one.doc_id for one in chosen] == ["wrong", "dropped"]
    assert [one.doc_id for one in hardest(found.values(), 9)] == ["wrong", "dropped", "right"]
    table = pool_table(list(found.values()), chosen)
    assert dict(zip(table["doc_id"].to_pylist(), table["chosen"].to_pylist(), strict=True)) == {
        "right": False,
        "wrong": True,
        "dropped": True,
        "unknown": False,
    }
    assert isinstance(table, pa.Table)
