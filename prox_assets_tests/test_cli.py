import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prox_assets.cli import main
from prox_assets_tests.conftest import Graph


def test_evaluate_prints_one_json_object(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = graph.store.artifact("web", "chunk_refiner").folder / "checkpoint"
    labels = graph.sample / "truth" / "web.parquet"
    assert main(["evaluate", "--labels", str(labels), "--chunk-refiner", str(checkpoint), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {"precision", "recall", "f1", "average_precision", "expected_calibration_error"} <= set(scores)
    assert scores["n_documents"] == 240


def test_evaluate_ignores_ambiguous_lines(
    graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(graph.store.artifact("web", "chunk_refiner").folder / "checkpoint")
    lines = {
        "id": ["a"],
        "lines": [["Home", "A sentence about baking bread at home."]],
        "is_noise": [[True, False]],
    }
    counts = []
    for name, extra in (("plain", {}), ("ambiguous", {"ambiguous": [[False, True]]})):
        pq.write_table(pa.table(lines | extra), tmp_path / f"{name}.parquet")
        assert (
            main(
                [
                    "evaluate",
                    "--labels",
                    str(tmp_path / f"{name}.parquet"),
                    "--chunk-refiner",
                    checkpoint,
                    "--json",
                ]
            )
            == 0
        )
        counts.append(json.loads(capsys.readouterr().out)["n_lines"])
    assert counts == [2, 1]


def test_show_prints_a_document_before_and_after(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    refined = graph.store.shards("web", "chunk_refined_corpus")[0]
    rows = [row for path in refined.paths() for row in pq.read_table(path).to_pylist()]
    edited = next(row for row in rows if any(edit["call"] == "remove_lines" for edit in row["edits"]))
    assert main(["show", edited["doc_id"]]) == 0
    shown = capsys.readouterr().out
    assert "before" in shown
    assert "remove_lines" in shown


def test_refine_needs_no_catalogue_when_given_both_refiners(
    graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {
        name: graph.store.artifact("web", name).folder / "checkpoint"
        for name in ("doc_refiner", "chunk_refiner")
    }
    pages = tmp_path / "pages.jsonl"
    pages.write_text(
        '{"id": "a", "text": "Home\\nNews\\nA page about rivers and how they flow to the sea."}\nbroken\n'
    )
    arguments = ["refine", str(pages), "--output", str(tmp_path / "out")]
    arguments += [
        "--doc-refiner",
        str(folders["doc_refiner"]),
        "--chunk-refiner",
        str(folders["chunk_refiner"]),
    ]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert "chunk_refined_corpus" in printed.out
    assert "pages: 2 rows = 1 accepted + 1 rejected" in printed.out
    assert "row 1: not JSON" in printed.out
    assert "pages: 1 of 2 rows were rejected (unreadable 1)" in printed.err
    (part,) = (tmp_path / "out" / "corpus" / "chunk_refined_corpus").rglob("rows-*.parquet")
    assert pq.read_table(part)["doc_id"].to_pylist() == ["a"]


def test_refine_reads_files_of_any_name_and_says_which_it_could_not(
    graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages, output = tmp_path / "pages [bold]", tmp_path / "a[b]*?c [red]x"
    pages.mkdir()
    line = '{"id": "a", "text": "A page about rivers and how they flow to the sea."}\n'
    for name in ("文献语料.jsonl", "科技语料.NDJSON", "_x.jsonl", "notes.txt", os.fsdecode(b"caf\xe9.jsonl")):
        (pages / name).write_text(line)
    (pages / "文献语料.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    refiners = []
    for name in ("doc_refiner", "chunk_refiner"):
        checkpoint = graph.store.artifact("web", name).folder / "checkpoint"
        refiners += [f"--{name.replace('_', '-')}", str(checkpoint)]
    assert main(["refine", str(pages), "--output", str(output), *refiners]) == 2
    shown = capsys.readouterr()
    for name in ("文献语料", "科技语料"):
        (part,) = (output / "corpus" / "chunk_refined_corpus" / name).rglob("rows-*.parquet")
        assert pq.read_table(part)["doc_id"].to_pylist() == ["a"]
    for words in (
        f"skipped {pages}/caf\\xe9.jsonl: no_name: the name is not UTF-8",
        f"skipped {pages}/文献语料.jsonl.gz: same_name",
        f"skipped {pages}/_x.jsonl: hidden",
        f"skipped {pages}/notes.txt: unknown_kind",
        f"科技语料: {output}",
    ):
        assert words in shown.out
    assert "2 files are missing from it, first" in shown.err
    assert main(["refine", str(pages / "_x.jsonl"), "--output", str(output), *refiners]) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["show", "no-such-document"], "no refined document 'no-such-document'"),
        (["show", "caf\udce9"], "no refined document 'caf\\udce9'"),
        (["evaluate", "--labels", "absent.parquet", "--chunk-refiner", "x"], "no such labels file"),
        (["refine", "x", "--output", "y"], "give --domain (with --catalogue), or both"),
        (
            ["refine", "x", "--output", "y", "--domain", "wep"],
            "there is no domain 'wep'; the catalogue has web, math",
        ),
        (
            ["refine", "absent", "--output", "y", "--doc-refiner", "a", "--chunk-refiner", "b"],
            "absent: ",
        ),
    ],
)
def test_mistakes_are_one_line_and_status_one(
    graph: Graph, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(arguments) == 1
    message = capsys.readouterr().err
    assert message.startswith("prox: ")
    assert expected in message
    assert message.count("\n") == 1
