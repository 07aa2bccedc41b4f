import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
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
            == 2  # so few lines show nothing of a refiner
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


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit status, the figures and stderr of one evaluation."""
    status = main(["evaluate", "--json", *arguments])
    printed = capsys.readouterr()
    return status, json.loads(printed.out) if printed.out else {}, printed.err


def test_evaluate_takes_every_folder_of_a_refiner(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    folder = graph.store.artifact("web", "chunk_refiner").folder
    labels = str(graph.sample / "truth" / "web.parquet")
    runs = [
        evaluated(capsys, "--labels", labels, "--chunk-refiner", str(path))
        for path in (folder / "checkpoint", folder, folder.parent)
    ]
    assert runs[0][0] == 0 and runs[0][1] == runs[1][1] == runs[2][1]
    assert "lines: 240 documents, " in runs[0][2] and "more, by the first 8 documents" in runs[0][2]
    status, _, said = evaluated(capsys, "--labels", labels, "--chunk-refiner", str(graph.sample))
    assert (status, said.count("\n")) == (1, 1) and "holds no refiner" in said


def test_evaluate_leaves_out_what_the_refiners_were_trained_on(
    graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = pq.read_table(graph.sample / "truth" / "web.parquet")
    labels = str(graph.sample / "truth" / "web.parquet")
    dataset = graph.store.artifact("web", "sft_dataset").folder
    trained = set(pq.read_table(dataset / "documents.parquet")["doc_id"].to_pylist())
    seen = sum(name in trained for name in truth["id"].to_pylist())
    arguments = ("--labels", labels, "--documents", labels, "--domain", "web")
    status, scores, said = evaluated(capsys, *arguments)
    assert status in (0, 2), "what is left may be too little to tell"
    assert scores["documents"]["n_documents"] == truth.num_rows - seen
    assert scores["lines"]["n_documents"] <= truth.num_rows - seen
    assert f"{seen} of {truth.num_rows} documents are left out" in said
    pq.write_table(truth.select(["id"]).slice(3), tmp_path / "others.parquet")
    only = ("--exclude", str(tmp_path / "others.parquet"))
    checkpoint = str(graph.store.artifact("web", "doc_refiner").folder)
    status, scores, _ = evaluated(capsys, "--documents", labels, "--doc-refiner", checkpoint, *only)
    assert (status, scores["documents"]["n_documents"]) == (2, 3)


def test_an_evaluation_that_shows_nothing_has_a_status_of_its_own(
    graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figures are printed all the same, then why they are no reason to use the refiner."""
    truth = pq.read_table(graph.sample / "truth" / "web.parquet")
    pq.write_table(truth.slice(0, 3), tmp_path / "few.parquet")
    keep = pc.field("keep")
    pq.write_table(truth.filter(keep), tmp_path / "kept.parquet")
    for labels in ("few", "kept"):
        checkpoint = str(graph.store.artifact("web", "doc_refiner").folder)
        file = str(tmp_path / f"{labels}.parquet")
        status, scores, said = evaluated(capsys, "--documents", file, "--doc-refiner", checkpoint)
        assert status == 2 and scores["documents"]["n_documents"] > 0
        assert "do not use this result as it is" in said and "too few of one class" in said


@pytest.mark.parametrize("fingerprint", ["../../elsewhere", "/tmp/elsewhere", 7, None])
def test_evaluate_goes_nowhere_that_a_file_of_the_store_names(
    fingerprint: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere" / "checkpoint").mkdir(parents=True)
    (tmp_path / "elsewhere" / "checkpoint" / "prox.json").write_text("{}")
    asset = tmp_path / "web" / "doc_refiner"
    asset.mkdir(parents=True)
    (asset / "current.json").write_text(json.dumps({"fingerprint": fingerprint}))
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"id": ["a"], "text": ["x"], "keep": [True]}), file)
    status, _, said = evaluated(capsys, "--documents", str(file), "--doc-refiner", str(asset))
    assert status == 1 and "current.json" in said and said.count("\n") <= 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "say with --labels"),
        (("--labels", "FILE", "--chunk-refiner", "."), "holds no refiner"),
        (("--labels", "FILE"), "say which refiner"),
        (("--documents", "FILE"), "say which refiner"),
        (("--documents", "none.parquet"), "no such labels file"),
    ],
)
def test_evaluate_says_what_is_missing(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"id": ["a"], "lines": [["x"]], "is_noise": [[True]], "keep": [True]}), file)
    status, _, said = evaluated(capsys, *(str(file) if word == "FILE" else word for word in arguments))
    assert (status, said.count("\n")) == (1, 1) and reason in said


@pytest.mark.parametrize("columns", [["doc_id", "text"], ["text", "doc_id", "url", "extra"]])
def test_teach_takes_documents_of_two_columns(
    tmp_path: Path, columns: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["It rained for a week, and the river rose by two metres in the night.", "Log in"]
    table = pa.table({"doc_id": [1, 2], "text": texts, "url": [None, None], "extra": [0, 0]}).select(columns)
    pq.write_table(table, tmp_path / "in.parquet")
    assert main(["teach", "math", "--input", str(tmp_path / "in.parquet"), "--output", str(tmp_path)]) == 0
    assert pq.read_table(tmp_path / "doc_annotations.parquet")["doc_id"].to_pylist() == ["1", "2"]
    assert "repeated lines are counted in the 2 documents of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"doc_id": ["a"]}, "no column text"),
        ({"doc_id": ["a"], "text": [None]}, "row 0 has no text"),
        ({"doc_id": [None], "text": ["a"]}, "row 0 has no id"),
        ({"doc_id": ["a", "a"], "text": ["x", "y"]}, "more than once"),
        ({"doc_id": ["a"], "text": [1]}, "not a text"),
        ({"doc_id": ["a"], "text": ["x"], "url": [7]}, "not a text"),
    ],
)
def test_teach_refuses_documents_in_one_line(
    tmp_path: Path, columns: dict[str, Any], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    assert main(["teach", "web", "--input", str(tmp_path / "in.parquet"), "--dry-run"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and reason in said
