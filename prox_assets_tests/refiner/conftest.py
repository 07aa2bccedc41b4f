"""Two refiners trained once for all tests of this folder: small, on one thread, in seconds."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from prox_assets.config import Architecture, Training
from prox_assets.inference import Task
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.training import TrainedRefiner, train_chunk_refiner, train_document_refiner
from prox_assets.sample import SamplePage, generate_pages
from prox_assets_tests.refiner.tables import chunk_table, document_table

SMALL = Architecture(hidden=48, layers=2, heads=2, intermediate=96, vocab_size=1500, local_attention=64)


def recipe(task: Task, epochs: int, max_steps: int | None = None) -> Recipe:
    training = Training(
        epochs=epochs,
        max_steps=max_steps,
        batch_tokens=2048,
        peak_learning_rate=4e-3,
        hidden_share=0.1,
        threads=1,
    )
    return Recipe(task, window=256, architecture=SMALL, training=training)


@pytest.fixture(scope="session")
def pages() -> Sequence[SamplePage]:
    return list(islice(generate_pages("web", 180, 0, "train"), 180))


@pytest.fixture(scope="session")
def held_out() -> Sequence[SamplePage]:
    return list(islice(generate_pages("web", 60, 0, "eval"), 60))


@pytest.fixture(scope="session")
def trained_documents(
    pages: Sequence[SamplePage], tmp_path_factory: pytest.TempPathFactory
) -> TrainedRefiner:
    folder: Path = tmp_path_factory.mktemp("refiners") / "documents"
    return train_document_refiner(document_table(pages), recipe(Task.DOCUMENT, 4), folder, "Generated pages.")


@pytest.fixture(scope="session")
def trained_chunks(pages: Sequence[SamplePage], tmp_path_factory: pytest.TempPathFactory) -> TrainedRefiner:
    folder: Path = tmp_path_factory.mktemp("refiners") / "chunks"
    return train_chunk_refiner(chunk_table(pages), recipe(Task.CHUNK, 3), folder, "Generated pages.")
