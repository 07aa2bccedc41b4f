"""Training learns, repeats itself, refuses what it cannot do, and writes checkpoints anyone can load."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.checkpoint import CARD_FILE, INFO_FILE, read_curves, read_info
from prox_assets.refiner.evaluation import document_metrics, evaluate_lines
from prox_assets.refiner.scoring.refiner import ChunkRefiner, DocumentRefiner
from prox_assets.refiner.scoring.training import TrainedRefiner, train_chunk_refiner, train_document_refiner
from prox_assets.sample import SamplePage, generate_pages
from prox_assets_tests.refiner.conftest import recipe
from prox_assets_tests.refiner.tables import chunk_table, document_table, labels_table


def test_the_chunk_refiner_learns(trained_chunks: TrainedRefiner, held_out: Sequence[SamplePage]) -> None:
    refiner = ChunkRefiner.load(trained_chunks.path, EngineSettings(threads=1))
    metrics = evaluate_lines(refiner, labels_table(held_out))
    everything_noise = 2 * metrics.n_noise_lines / (metrics.n_lines + metrics.n_noise_lines)
    assert metrics.f1 > everything_noise + 0.1
    assert trained_chunks.info.metrics["best_f1"] > 0.85
    losses = [point.loss for point in trained_chunks.curves.steps]
    assert sum(losses[-5:]) < sum(losses[:5]) / 2


def test_the_document_refiner_learns(trained_documents: TrainedRefiner) -> None:
    others = list(islice(generate_pages("web", 80, 7, "train"), 80))
    refiner = DocumentRefiner.load(trained_documents.path, EngineSettings(threads=1))
    scores = np.array([score.keep_probability for score in refiner.score([page.text for page in others])])
    metrics = document_metrics(scores, np.array([page.keep for page in others]), refiner.thresholds.keep)
    keeping_all = metrics.n_keep / metrics.n_documents
    assert metrics.precision > keeping_all + 0.03
    assert metrics.f1 > 2 * keeping_all / (1 + keeping_all)
    losses = [point.loss for point in trained_documents.curves.steps]
    assert sum(losses[-10:]) < sum(losses[:10]) / 2


def test_two_trainings_are_one(pages: Sequence[SamplePage], tmp_path: Path) -> None:
    table = chunk_table(pages[:120])
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        train_chunk_refiner(table, recipe(Task.CHUNK, 1, max_steps=6), folder)
    one, two = folders
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    other = recipe(Task.CHUNK, 1, max_steps=6).training.model_copy(update={"seed": 1})
    train_chunk_refiner(table, replace(recipe(Task.CHUNK, 1), training=other), tmp_path / "other")
    assert (one / "model.safetensors").read_bytes() != (tmp_path / "other/model.safetensors").read_bytes()


def test_the_best_epoch_is_kept(trained_chunks: TrainedRefiner) -> None:
    best = trained_chunks.curves.best_epoch.validation_f1
    assert best == max(point.validation_f1 for point in trained_chunks.curves.epochs)
    assert trained_chunks.info.metrics["best_f1"] == pytest.approx(best, abs=1e-6)


def test_a_base_is_fine_tuned_by_the_same_path(
    trained_chunks: TrainedRefiner, pages: Sequence[SamplePage], tmp_path: Path
) -> None:
    again = replace(recipe(Task.CHUNK, 1, max_steps=1), base=str(trained_chunks.path))
    gentle = replace(again, training=again.training.model_copy(update={"peak_learning_rate": 1e-7}))
    result = train_chunk_refiner(chunk_table(pages), gentle, tmp_path / "tuned")
    assert result.info.metrics["f1"] == pytest.approx(trained_chunks.info.metrics["f1"], abs=0.01)
    assert "architecture" not in result.info.recipe


def test_checkpoints_load_with_plain_transformers(
    trained_chunks: TrainedRefiner, trained_documents: TrainedRefiner
) -> None:
    for path, auto, shape in (
        (trained_documents.path, AutoModelForSequenceClassification, (1, 2)),
        (trained_chunks.path, AutoModelForTokenClassification, (1, 5, 2)),
    ):
        inputs = AutoTokenizer.from_pretrained(path)("\n\n\n", return_tensors="pt")
        assert auto.from_pretrained(path)(**inputs).logits.shape == shape


def test_the_directory_says_what_it_is(trained_chunks: TrainedRefiner) -> None:
    assert read_info(trained_chunks.path, Task.CHUNK) == replace(
        trained_chunks.info, recipe=json.loads(json.dumps(trained_chunks.info.recipe))
    )
    assert read_curves(trained_chunks.path) == trained_chunks.curves
    assert json.loads((trained_chunks.path / INFO_FILE).read_text())["task"] == "chunk"
    card = (trained_chunks.path / CARD_FILE).read_text()
    for part in ("Generated pages.", "from scratch", "f1: 0.", "Licence", "AutoModelForTokenClassification"):
        assert part in card


def test_training_replaces_a_checkpoint_or_leaves_it(
    trained_documents: TrainedRefiner, pages: Sequence[SamplePage], tmp_path: Path
) -> None:
    place = tmp_path / "refiner"
    table = document_table(pages)
    train_document_refiner(table, recipe(Task.DOCUMENT, 1, max_steps=1), place)
    before = load_file(place / "model.safetensors")
    broken = replace(recipe(Task.DOCUMENT, 1, max_steps=1), base=str(tmp_path / "nowhere"))
    with pytest.raises(RefinerError, match="base"):
        train_document_refiner(table, broken, place)
    train_document_refiner(table, recipe(Task.DOCUMENT, 1, max_steps=2), place)
    assert [path.name for path in tmp_path.iterdir()] == ["refiner"]
    after = load_file(place / "model.safetensors")
    assert any((before[name] != after[name]).any() for name in before)


def test_too_little_is_refused_with_a_remedy(pages: Sequence[SamplePage], tmp_path: Path) -> None:
    documents, chunks = document_table(pages), chunk_table(pages)
    cases: list[tuple[Task, pa.Table, str]] = [
        (Task.DOCUMENT, documents.filter(documents["keep"]), "labelled drop"),
        (Task.DOCUMENT, documents.slice(0, 5), "needs 10 train documents"),
        (Task.CHUNK, chunks.slice(0, 5), "needs 10 train documents"),
        (Task.CHUNK, _without_noise(chunks), "no noisy line"),
    ]
    for task, table, message in cases:
        train = train_document_refiner if task is Task.DOCUMENT else train_chunk_refiner
        with pytest.raises(RefinerError, match=message) as raised:
            train(table, recipe(task, 1), tmp_path / "refiner")
        assert "seeds.size" in str(raised.value)
    assert not (tmp_path / "refiner").exists()


def test_a_recipe_of_the_other_task_is_refused(pages: Sequence[SamplePage], tmp_path: Path) -> None:
    with pytest.raises(RefinerError, match="chunk refiner; give one for the document refiner"):
        train_document_refiner(document_table(pages), recipe(Task.CHUNK, 1), tmp_path / "refiner")


def _without_noise(table: pa.Table) -> pa.Table:
    rows = [row | {"noise": []} for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=table.schema)
