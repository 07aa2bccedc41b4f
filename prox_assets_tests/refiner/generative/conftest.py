"""Two language models trained once for the tests of this folder: tiny, on one thread, in seconds."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from prox_assets.config import CausalArchitecture, CausalTraining
from prox_assets.documents.schema import SFT_CHUNKS
from prox_assets.inference import Task
from prox_assets.refiner.generative.model import train_llama_tokenizer
from prox_assets.refiner.generative.recipe import CausalRecipe
from prox_assets.refiner.generative.training import train_generative_refiner
from prox_assets.refiner.scoring.training import TrainedRefiner
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.sample import SamplePage, generate_pages
from prox_assets_tests.refiner.tables import chunk_table, document_table

TINY = CausalArchitecture(
    hidden=64,
    layers=2,
    heads=4,
    key_value_heads=1,
    intermediate=128,
    vocab_size=1200,
    positions=512,
    initializer_range=0.05,
)


def recipe(task: Task, epochs: int, **others: object) -> CausalRecipe:
    training = CausalTraining(
        epochs=epochs,
        batch_size=16,
        micro_batch=16,
        peak_learning_rate=5e-3,
        warmup_share=0.05,
        validation_documents=4,
        threads=1,
    )
    values: dict[str, object] = {"architecture": TINY, "training": training, **others}
    return CausalRecipe(task, window=300, max_new_tokens=96, **values)  # type: ignore[arg-type]


def some_pages(count: int) -> list[SamplePage]:
    return list(islice(generate_pages("web", count, 0, "train"), count))


@pytest.fixture(scope="session")
def few_pages() -> Sequence[SamplePage]:
    return some_pages(40)


@pytest.fixture(scope="session")
def tokenizer(few_pages: Sequence[SamplePage]) -> TextTokenizer:
    return TextTokenizer(train_llama_tokenizer([page.text for page in few_pages], 1200))


@pytest.fixture(scope="session")
def known_pages() -> Sequence[SamplePage]:
    """A dozen short pages to learn by heart."""
    return sorted((page for page in some_pages(80) if page.keep), key=lambda page: len(page.text))[:12]


@pytest.fixture(scope="session")
def writing_chunks(
    known_pages: Sequence[SamplePage], tmp_path_factory: pytest.TempPathFactory
) -> TrainedRefiner:
    """Trained on some pages and validated on the same."""
    folder: Path = tmp_path_factory.mktemp("writers") / "chunks"
    rows = chunk_table(known_pages).to_pylist()
    train, validation = ([row | {"split": split} for row in rows] for split in ("train", "validation"))
    table = pa.Table.from_pylist([*train * 6, *validation], SFT_CHUNKS)
    return train_generative_refiner(table, recipe(Task.CHUNK, 12), folder, "Generated pages.")


@pytest.fixture(scope="session")
def writing_documents(tmp_path_factory: pytest.TempPathFactory) -> TrainedRefiner:
    folder: Path = tmp_path_factory.mktemp("writers") / "documents"
    return train_generative_refiner(
        document_table(some_pages(180)), recipe(Task.DOCUMENT, 6), folder, "Generated pages."
    )
