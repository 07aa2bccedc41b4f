"""The LLM teacher against a server that answers well, and what becomes of its answers."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prox_assets.chunking import whole
from prox_assets.config import LlmTeacherSection as Section
from prox_assets.errors import CatalogueError, TeacherError
from prox_assets.programs import Program, Stage, normalize, parse, remove_lines
from prox_assets.teacher.annotations import merged
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import CHUNK_ANNOTATIONS, DOC_ANNOTATIONS
from prox_assets.teacher.llm import LlmTeacher
from prox_assets.teacher.llm.questions import (
    BrokenAnswerError,
    Completion,
    Prompts,
    called,
    judgement,
    rewritten,
)
from prox_assets_tests.teacher.llm.fault_server import FaultServer
from prox_assets_tests.teacher.seeds import seed_table

TEXTS = {
    "lesson": "menu | more\nA lesson on levers: give me a place to stand.\nmenu end",
    "shop": "Buy now\nmenu of offers",
    "deutsch": "Startseite menu\nDie lesson über Hebel: je länger, desto leichter.",
    "zhongwen": "首页 menu\n杠杆原理 lesson 给我一个支点。",
}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.start()
        yield server
        server.shutdown()


def section(server: FaultServer, **changes: Any) -> Section:
    values = {"kind": "llm", "model": "m", "base_url": server.url, "timeout_seconds": 5, "retries": 2}
    return Section.model_validate(values | changes)


def teacher(server: FaultServer, folder: Path, run: int = 0, **changes: Any) -> LlmTeacher:
    found = open_teacher(section(server, **changes), folder, lambda line: None, run)
    assert isinstance(found, LlmTeacher)
    return found


def test_a_missing_client_is_named_with_its_extra(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(TeacherError, match="install the extra `llm`"):
        teacher(server, tmp_path).annotate_documents(seed_table(TEXTS))


def test_documents_get_both_scores_and_the_label_of_the_rule(server: FaultServer, tmp_path: Path) -> None:
    rows = teacher(server, tmp_path).annotate_documents(seed_table(TEXTS))
    assert rows.schema == DOC_ANNOTATIONS
    found = {row["doc_id"]: row for row in rows.to_pylist()}
    assert list(found) == list(TEXTS)
    assert (found["lesson"]["educational_score"], found["lesson"]["format_score"]) == (4, 4)
    assert {name: row["keep"] for name, row in found.items()} == {
        "lesson": True,
        "shop": False,
        "deutsch": True,
        "zhongwen": True,
    }
    assert found["shop"]["justification"] == "educational: because\nformat: because"
    assert {row["tokens"] for row in found.values()} == {220}
    assert {row["status"] for row in found.values()} == {"annotated"}


@pytest.mark.parametrize("mode", ["calls", "rewrite"])
def test_chunks_get_programs_by_calls_and_by_rewriting(
    server: FaultServer, tmp_path: Path, mode: str
) -> None:
    rows = teacher(server, tmp_path, chunk_mode=mode).annotate_chunks(seed_table(TEXTS))
    assert rows.schema == CHUNK_ANNOTATIONS
    found = {row["doc_id"]: parse(row["program"], Stage.CHUNK) for row in rows.to_pylist()}
    assert found["lesson"] == Program((remove_lines(0, 0), remove_lines(2, 2)))
    assert found["shop"] == Program((remove_lines(1, 1),))
    assert found["zhongwen"] == Program((remove_lines(0, 0),))


def test_long_documents_have_many_chunks_and_one_beginning(server: FaultServer, tmp_path: Path) -> None:
    text = "\n".join(f"line {i} of the lesson" if i % 5 else f"menu {i}" for i in range(300))
    one = teacher(server, tmp_path, chunk_chars=1000, max_document_chars=500)
    rows = one.annotate_chunks(seed_table({"long": text})).to_pylist()
    assert len(rows) > 3
    calls = [call for row in rows for call in parse(row["program"], Stage.CHUNK).calls]
    gone = [call.arguments[0] for call in calls if call.name == "remove_lines"]
    assert gone == list(range(0, 300, 5))
    assert one.annotate_documents(seed_table({"long": text})).to_pylist()[0]["status"] == "annotated"


def test_what_is_answered_is_never_asked_again(server: FaultServer, tmp_path: Path) -> None:
    seeds = seed_table(TEXTS)
    first = teacher(server, tmp_path).annotate_documents(seeds)
    asked = server.asked.copy()
    again = teacher(server, tmp_path)
    assert again.estimate_documents(seeds).calls == 0
    assert again.annotate_documents(seeds) == first
    assert server.asked == asked and set(asked.values()) == {1}
    teacher(server, tmp_path, run=1).annotate_documents(seeds)
    assert set(server.asked.values()) == {2}
    assert teacher(server, tmp_path, model="other").estimate_documents(seeds).calls == 8


def test_equal_texts_are_asked_once(server: FaultServer, tmp_path: Path) -> None:
    rows = teacher(server, tmp_path).annotate_documents(seed_table({"a": "same", "b": "same"}))
    assert rows.num_rows == 2 and server.asked.total() == 2


def test_the_estimate_comes_before_the_first_call(server: FaultServer, tmp_path: Path) -> None:
    one = teacher(server, tmp_path, prices={"input": 2.0, "output": 8.0})
    found = one.estimate_documents(seed_table(TEXTS))
    assert (found.questions, found.calls, found.tokens_out) == (8, 8, 8 * 120)
    assert found.money == pytest.approx((2 * found.tokens_in + 8 * found.tokens_out) / 1e6)
    assert one.estimate_chunks(seed_table(TEXTS)).calls == 12
    assert not server.asked


def test_a_budget_stops_cleanly_and_what_came_is_kept(server: FaultServer, tmp_path: Path) -> None:
    seeds = seed_table({str(i): f"lesson {i}" for i in range(50)})
    small = teacher(server, tmp_path, budget={"tokens": 2000}, concurrency=4)
    with pytest.raises(TeacherError, match=r"budget is spent .*are kept. Raise"):
        small.annotate_documents(seeds)
    asked = server.asked.total()
    assert 19 <= asked <= 25
    with pytest.raises(TeacherError, match="0 of"):
        teacher(server, tmp_path, budget={"tokens": 2000}).annotate_documents(seeds)
    assert server.asked.total() == asked
    teacher(server, tmp_path).annotate_documents(seeds)
    assert set(server.asked.values()) == {1} and server.asked.total() == 100


def test_concurrency_is_bounded(tmp_path: Path) -> None:
    with FaultServer(latency=0.05) as server:
        server.start()
        teacher(server, tmp_path, concurrency=5).annotate_documents(
            seed_table({str(i): f"t{i}" for i in range(20)})
        )
        assert 3 <= server.most_at_once <= 5
        server.shutdown()


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TeacherError, match="export PROX_TEST_KEY"):
        teacher(server, tmp_path, api_key_env="PROX_TEST_KEY")
    monkeypatch.setenv("PROX_TEST_KEY", "sk-secret-123")
    one = teacher(server, tmp_path, api_key_env="PROX_TEST_KEY")
    rows = one.annotate_documents(seed_table(TEXTS))
    assert server.keys == {"Bearer sk-secret-123"}
    assert "secret" not in json.dumps(rows.to_pylist()) + one.prompt_hash + one.name
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-secret" not in stored
    assert one.prompt_hash == teacher(server, tmp_path).prompt_hash
    with pytest.raises(ValueError) as refused:
        section(server, api_key_env="sk-secret-123")
    assert "name of an environment variable" in str(refused.value)


def test_what_decides_answers_is_in_the_hash(server: FaultServer, tmp_path: Path) -> None:
    own = tmp_path / "prompts"
    own.mkdir()
    (own / "format.txt").write_text("Score how {calls} looks.")
    plain = teacher(server, tmp_path).prompt_hash
    changes: list[dict[str, Any]] = [
        {"model": "n"},
        {"chunk_mode": "rewrite"},
        {"temperature": 0.5},
        {"keep_educational": 4},
        {"prompts": own},
    ]
    assert len({plain, *(teacher(server, tmp_path, **change).prompt_hash for change in changes)}) == 6
    for change in ({"concurrency": 3}, {"retries": 9}, {"licence": "MIT"}):
        assert teacher(server, tmp_path, **change).prompt_hash == plain
    assert "normalize(source_str" in Prompts.load(own)["format"]
    with pytest.raises(CatalogueError, match="holds none of"):
        Prompts.load(tmp_path)


def test_prompts_describe_every_call_and_number_their_lines() -> None:
    prompts = Prompts.load(None)
    for family in ("navigation", "links", "footers"):
        assert "remove_lines(line_start, line_end)" in prompts[family]
        shots = prompts[family].split("Text:\n")[1:]
        assert len(shots) == 3 and sum("keep_chunk()" in shot for shot in shots) >= 1
        for shot in shots:
            text, program = shot.split("Program:\n")
            assert all(line.startswith("[") for line in text.strip().split("\n"))
            assert not parse(program, Stage.CHUNK).refusals


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"justification": "x", "score": 3}', 3),
        ('Well:\n```json\n{"justification": "a } b", "score": "4"}\n```', 4),
        ("It teaches a lot.\n\nEducational score: 5", 5),
        ("Fine. Extraction Quality Score: **2**", 2),
        ("Score: 4/5", 4),
    ],
)
def test_scores_are_read_strictly(text: str, score: float) -> None:
    assert judgement(Completion(text, 1, 1)).score == score


@pytest.mark.parametrize(
    "text", ["", "I like it", '{"score": 6}', '{"score": true}', '{"score": -1}', '{"rating": 3}', "score: 9"]
)
def test_what_is_no_score_is_broken(text: str) -> None:
    with pytest.raises(BrokenAnswerError):
        judgement(Completion(text, 1, 1))


def test_a_rewrite_that_was_cut_off_deletes_nothing() -> None:
    for completion in (
        Completion("a", 1, 1, finished=False),
        Completion(" ", 1, 1),
        Completion("x" * 999, 1, 1),
    ):
        with pytest.raises(BrokenAnswerError):
            rewritten("the source", completion)
    assert rewritten("the source", Completion("<nothing/>", 1, 1)) == ""
    with pytest.raises(BrokenAnswerError):
        called(Completion("no program here", 1, 1))


def test_passes_are_merged_by_the_rule() -> None:
    text = "menu\nmenu two\nA text of some length that stays. Share\nfooter"
    passes = [
        Program((remove_lines(0, 1),)),
        Program((remove_lines(1, 1), normalize(" Share"), normalize("nowhere"))),
        Program((remove_lines(3, 3), normalize(" Share", "!"))),
    ]
    found = merged(text, whole(text), passes, 0.9)
    assert found.program == Program((remove_lines(0, 1), remove_lines(3, 3), normalize(" Share")))
    assert [one.code for one in found.refused] == ["no_match"]


def test_the_pass_that_removes_most_is_left_out_first() -> None:
    text = "menu\nA text of some length that is to stay here.\nAnother sentence that is to stay.\nfooter"
    greedy = Program((remove_lines(0, 2),))
    found = merged(text, whole(text), [greedy, Program((remove_lines(3, 3),))], 0.5)
    assert found.program == Program((remove_lines(3, 3),))
    assert [one.code for one in found.refused] == ["over_guard_rail"]
