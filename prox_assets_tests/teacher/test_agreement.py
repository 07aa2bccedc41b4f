import json

import pyarrow as pa

from prox_assets.chunking import whole
from prox_assets.programs import Stage, parse
from prox_assets.teacher.agreement import DISAGREEMENTS, Annotated, agreement, line_marks
from prox_assets.teacher.annotations import (
    Marks,
    Signature,
    chunk_rows,
    chunk_table,
    document_row,
    document_table,
    silent_chunk_row,
)
from prox_assets.teacher.interface import ANNOTATED, FAILED
from prox_assets.teacher.rules.teacher import RulesTeacher
from prox_assets_tests.teacher.seeds import seed_table

SIGNATURE = Signature("someone", "h")
TEXT = "Home\nThe river rose.\n\nShare\nIt fell again."


def judge(name: str, texts: dict[str, str], noise: dict[str, set[int]], keep: dict[str, bool]) -> Annotated:
    documents = [
        document_row(doc_id, keep[doc_id], "why", SIGNATURE.verdict(ANNOTATED), 4.0 if keep[doc_id] else 1.0)
        for doc_id in texts
    ]
    chunks = [
        row
        for doc_id, text in texts.items()
        for row in chunk_rows(doc_id, text, Marks(frozenset(noise[doc_id])), 6_000, SIGNATURE)
    ]
    return Annotated(name, document_table(documents), chunk_table(chunks))


def test_two_judges_on_documents_and_lines() -> None:
    texts = {f"d{number}": TEXT for number in range(4)}
    keep = {doc_id: doc_id != "d3" for doc_id in texts}
    one = judge("one", texts, {key: {0, 3} for key in texts}, keep)
    other = judge("other", texts, {key: {0, 1 if key == "d0" else 3} for key in texts}, {**keep, "d1": False})
    found = agreement(seed_table(texts), [one, other])
    (pair,) = found["pairs"]
    assert pair["keep"]["confusion"] == [[2, 1], [0, 1]]
    assert pair["keep"]["kappa"] == 0.5
    assert pair["educational"]["n"] == 4
    assert pair["format"] == {
        "n": 0, "kappa": None, "agree": None, "values": list(range(6)), "confusion": [[0] * 6] * 6
    }  # fmt: skip
    assert pair["lines"]["n"] == 16
    assert pair["lines"]["confusion"] == [[7, 1], [1, 7]]
    assert pair["lines"]["f1"] == 7 / 8
    assert [one["doc_id"] for one in found["disagreements"]] == ["d1", "d0"]
    marks = {line["number"]: line["marks"] for line in found["disagreements"][1]["lines"]}
    assert marks[0] == [True, True]
    assert marks[1] == [False, True]
    assert marks[2] == [None, None]
    assert json.loads(json.dumps(found)) == found


def test_a_teacher_agrees_with_its_own_second_run() -> None:
    texts = {
        f"d{n}": f"Home\nLogin\n{TEXT}\nThe {n} rivers of the valley rise in spring. " * 5 for n in range(9)
    }
    seeds, teacher = seed_table(texts, language="en"), RulesTeacher()
    runs = [
        Annotated(name, teacher.annotate_documents(seeds), teacher.annotate_chunks(seeds))
        for name in ("rules", "rules (run 2)")
    ]
    found = agreement(seeds, runs)
    assert found["disagreements"] == []
    assert found["pairs"][0]["lines"]["f1"] == 1.0
    assert found["pairs"][0]["keep"]["agree"] == 1.0


def test_at_most_twenty_disagreements_are_shown_and_every_pair_has_some() -> None:
    texts = {f"d{number:02}": TEXT for number in range(30)}
    judges = [
        judge(name, texts, dict.fromkeys(texts, noise), dict.fromkeys(texts, True))
        for name, noise in (("a", {0}), ("b", {0, 3}), ("c", {1}))
    ]
    found = agreement(seed_table(texts), judges)
    assert len(found["disagreements"]) == DISAGREEMENTS
    assert {tuple(one["judges"]) for one in found["disagreements"]} == {("a", "b"), ("a", "c"), ("b", "c")}


def test_lines_without_a_judgement_do_not_count() -> None:
    failed = silent_chunk_row("d1", TEXT, SIGNATURE.verdict(FAILED, "no answer"))
    set_aside = chunk_rows("d0", TEXT, Marks(frozenset({0}), ignored=frozenset({3})), 6_000, SIGNATURE)
    marks = line_marks(seed_table({"d0": TEXT, "d1": TEXT}), chunk_table([*set_aside, failed]))
    assert marks == {"d0": (True, False, None, None, False)}


def test_a_line_is_noise_when_calls_remove_all_of_it() -> None:
    row = next(iter(chunk_rows("d0", TEXT, Marks(spans=((0, 4), (5, 8))), 6_000, SIGNATURE)))
    assert [call.name for call in parse(row["program"], Stage.CHUNK).calls] == ["normalize", "normalize"]
    assert whole(TEXT).line_stop == 5
    marks = line_marks(seed_table({"d0": TEXT}), chunk_table([row]))
    assert marks["d0"] == (True, False, None, False, False)


def test_judges_of_other_seeds_have_nothing_in_common() -> None:
    one = judge("one", {"d0": TEXT}, {"d0": {0}}, {"d0": True})
    empty = Annotated("none", document_table([]), chunk_table([]))
    found = agreement(seed_table({"d0": TEXT}), [one, empty])
    assert found["pairs"][0]["lines"]["n"] == 0
    assert found["pairs"][0]["lines"]["f1"] is None
    assert isinstance(empty.documents, pa.Table)
