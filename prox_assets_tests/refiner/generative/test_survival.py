"""A language model whose training was killed with SIGKILL ends with the same bytes, adapters included."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from prox_assets.config import Lora
from prox_assets.inference import Task
from prox_assets.refiner.checkpoint import EpochPoint, StepPoint
from prox_assets.refiner.generative.training import train_generative_refiner
from prox_assets_tests.refiner.generative.conftest import recipe, some_pages
from prox_assets_tests.refiner.survival import killed, require_same_bytes
from prox_assets_tests.refiner.tables import document_table

Train = Callable[[Path, Path | None], list[StepPoint]]
_KILLED_AT = 6  # of 10 steps, in the second epoch


def _train_lora(destination: Path, work: Path | None) -> list[StepPoint]:
    return _train(destination, work, Lora(rank=4, dropout=0.1))


def _train(destination: Path, work: Path | None, lora: Lora | None = None) -> list[StepPoint]:
    found = recipe(Task.DOCUMENT, 2, lora=lora)
    training = found.training.model_copy(update={"checkpoint_steps": 1, "batch_size": 16, "micro_batch": 8})
    points: list[StepPoint | EpochPoint] = []
    train_generative_refiner(
        document_table(some_pages(100)),
        replace(found, training=training),
        destination,
        progress=points.append,
        work=work,
    )
    return [point for point in points if isinstance(point, StepPoint)]


@pytest.mark.parametrize("train", [_train, _train_lora], ids=["all parameters", "lora"])
def test_a_killed_training_ends_with_the_same_bytes(train: Train, tmp_path: Path) -> None:
    destination, work = tmp_path / "killed", tmp_path / "work"
    killed(__name__, destination, work, _KILLED_AT, train.__name__)
    steps = train(destination, work)
    assert _KILLED_AT - 1 <= steps[0].step <= _KILLED_AT + 1, "it went on from the last state"
    assert steps[0].steps == 10
    train(tmp_path / "whole", None)
    require_same_bytes(tmp_path / "whole", destination)


if __name__ == "__main__":
    {"_train": _train, "_train_lora": _train_lora}[sys.argv[3]](Path(sys.argv[1]), Path(sys.argv[2]))
