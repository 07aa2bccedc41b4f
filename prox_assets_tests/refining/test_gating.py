"""Refining with a refiner that is not reliable, and with one whose scores are no numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from prox_assets import cli
from prox_assets.config import Architecture, RefinerSection
from prox_assets.documents.store import Store
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.checkpoint import CheckpointInfo, ChunkThresholds, DocumentThresholds
from prox_assets.refiner.evaluation import evaluate_lines
from prox_assets.refiner.gate import Evidence
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.model import make_model
from prox_assets.refiner.scoring.predictions import NOT_A_NUMBER
from prox_assets.refiner.scoring.refiner import ChunkRefiner
from prox_assets.refining.gating import gate_notes, gated_chunk_refiner, gated_document_refiner, unreliable
from prox_assets.refining.keep_all import KeepAllChunks, KeepAllDocuments

SETTINGS = EngineSettings(device="cpu", threads=1)
TEXTS = ["Home\nAbout us\nThe valley sleeps under the snow of a long winter.", "One line alone.", "x " * 400]
GOOD = Evidence(60, 30, 30, 30, 30, 0.9, 0.8, 0.95, 0.8, 0.67)
AT_CHANCE = replace(GOOD, roc_auc=0.5, roc_auc_low=0.4, roc_auc_high=0.6)
FEW = replace(GOOD, negative_documents=2, n_negative=2)
TINY = Architecture(hidden=32, layers=1, heads=2, intermediate=32, vocab_size=400)
Make = Callable[..., dict[Task, Path]]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Write refiners of random weights with the evidence that is asked for."""

    def make(evidence: Evidence | None, nan: bool = False) -> dict[Task, Path]:
        folders = {}
        for task in Task:
            folder = folders[task] = tmp_path_factory.mktemp(task)
            torch.manual_seed(0)
            recipe = Recipe(task, window=64, overlap=8, architecture=TINY)
            model, tokenizer = make_model(recipe, TEXTS)
            model.save_pretrained(folder)
            tokenizer.tokenizer.save_pretrained(folder)
            thresholds = DocumentThresholds(1.0) if task is Task.DOCUMENT else ChunkThresholds(0.0, 0.0)
            info = CheckpointInfo(task, 64, thresholds, {}, recipe.to_json(), overlap=0, evidence=evidence)
            info.write(folder)
            if nan:
                weights = load_file(folder / "model.safetensors")
                weights["classifier.weight"][:] = np.nan
                save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return folders

    return make


def _refine(folders: dict[Task, Path], place: Path, *options: str) -> tuple[int, Path]:
    source = place / "pages.parquet"
    pq.write_table(pa.table({"id": [f"d{i}" for i in range(len(TEXTS))], "text": TEXTS}), source)
    paths = ["--doc-refiner", str(folders[Task.DOCUMENT]), "--chunk-refiner", str(folders[Task.CHUNK])]
    return cli.main(["refine", str(source), "--output", str(place / "out"), *paths, *options]), place / "out"


def _rows(out: Path, asset: str) -> list[dict[str, Any]]:
    """The rows of what was refined last."""
    shards = Store(out).shards("corpus", asset)
    return [row for shard in shards for batch in shard.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("evidence", "verdict"), [(AT_CHANCE, "no better than keeping"), (FEW, "too few of one")]
)
def test_an_unreliable_refiner_is_refused_unless_it_is_said(
    make: Make, evidence: Evidence, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = make(evidence)
    capsys.readouterr()
    status, out = _refine(folders, tmp_path)
    (said,) = capsys.readouterr().err.splitlines()
    assert status == 1 and verdict in said
    assert all(choice in said for choice in ("refuse", "keep_all", "use"))
    assert _rows(out, "doc_programs") == []

    status, out = _refine(folders, tmp_path, "--when-unreliable", "use")
    printed = capsys.readouterr()
    assert status == 2 and verdict in printed.err and verdict in " ".join(printed.out.split())
    assert all(row["status"] == "dropped" for row in _rows(out, "chunk_refined_corpus"))

    status, out = _refine(folders, tmp_path, "--when-unreliable", "keep_all")
    assert status == 2 and "everything is kept in its place" in capsys.readouterr().err
    kept = _rows(out, "chunk_refined_corpus")
    assert [row["text"] for row in kept] == TEXTS, "every document, whole"
    assert all(row["status"] == "kept" and row["n_tokens_in"] == row["n_tokens_out"] > 0 for row in kept)


@pytest.mark.parametrize("evidence", [GOOD, None])
def test_a_good_refiner_is_used_and_one_without_figures_is_named(
    make: Make, evidence: Evidence | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = _refine(make(evidence), tmp_path)
    assert status == 0
    assert ("quality is not measured" in " ".join(capsys.readouterr().out.split())) is (evidence is None)


def test_the_fallback_asks_no_model_and_has_a_name_of_its_own(make: Make) -> None:
    folders = make(AT_CHANCE)
    (folders[Task.DOCUMENT] / "model.safetensors").unlink()
    section = RefinerSection(when_unreliable="keep_all")
    document = gated_document_refiner(folders[Task.DOCUMENT], SETTINGS, section)
    chunk = gated_chunk_refiner(folders[Task.CHUNK], SETTINGS, section)
    assert isinstance(document.refiner, KeepAllDocuments) and isinstance(chunk.refiner, KeepAllChunks)
    used = gated_chunk_refiner(folders[Task.CHUNK], SETTINGS, RefinerSection(when_unreliable="use"))
    assert used.configuration != chunk.configuration
    lenient = RefinerSection(min_documents_per_class=2)
    with pytest.raises(RefinerError, match="no better than keeping everything"):
        gated_document_refiner(folders[Task.DOCUMENT], SETTINGS, lenient)
    assert gated_chunk_refiner(make(FEW)[Task.CHUNK], SETTINGS, lenient).refiner is not None


def test_scores_that_are_no_numbers_are_failures_and_no_decisions(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thresholds that would drop every document and remove every line: nothing is, and every row says why."""
    status, out = _refine(make(GOOD, nan=True), tmp_path)
    assert status == 2 and "the document refiner failed on 3 of 3 documents" in capsys.readouterr().err
    documents, chunks = _rows(out, "doc_programs"), _rows(out, "chunk_programs")
    assert len(documents) == len(TEXTS) < len(chunks)
    for row in (*documents, *chunks):
        assert (row["status"], row["error"], row["program"]) == ("failed", NOT_A_NUMBER, "")
    assert all(row["keep_probability"] is None for row in documents)
    refined = _rows(out, "chunk_refined_corpus")
    assert [(row["status"], row["reason"], row["text"]) for row in refined] == [
        ("kept", "refiner_failed", text) for text in TEXTS
    ]


def test_an_evaluation_of_scores_that_are_no_numbers_is_refused(make: Make) -> None:
    refiner = ChunkRefiner.load(make(GOOD, nan=True)[Task.CHUNK], SETTINGS)
    labels = pa.table({"id": ["a"], "lines": [["Home", "The valley."]], "is_noise": [[True, False]]})
    with pytest.raises(RefinerError, match="are not numbers"):
        evaluate_lines(refiner, labels)


@pytest.mark.parametrize(
    "evidence", [None, AT_CHANCE, replace(GOOD, positive_documents=1, negative_documents=1)]
)
def test_each_of_two_refiners_of_one_verdict_is_named(make: Make, evidence: Evidence | None) -> None:
    folders = make(evidence)
    notes = gate_notes(folders[Task.DOCUMENT], folders[Task.CHUNK], RefinerSection(when_unreliable="use"))
    assert [note.sentence.split(" refiner")[0] for note in notes.values()] == ["The document", "The chunk"]
    assert len(unreliable(notes)) == (0 if evidence is None else 2)


def test_an_evaluation_of_scores_that_are_no_numbers_is_one_line(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(GOOD, nan=True)[Task.DOCUMENT]
    labels = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "text": TEXTS[:2], "keep": [True, False]}), labels)
    assert cli.main(["evaluate", "--documents", str(labels), "--doc-refiner", str(folder)]) == 1
    assert "2 of 2 keep probabilities are not numbers: the refiner" in capsys.readouterr().err
