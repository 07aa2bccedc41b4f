"""Two processes take the steps that one would: the batch is what the recipe says, however many share it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from prox_assets.inference import Task
from prox_assets.refiner.checkpoint import EpochPoint, StepPoint
from prox_assets.refiner.generative.training import train_generative_refiner
from prox_assets.refiner.launching import train_in_processes
from prox_assets_tests.refiner.generative.conftest import recipe, some_pages
from prox_assets_tests.refiner.tables import document_table


@pytest.mark.slow
def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    table, one = document_table(some_pages(100)), recipe(Task.DOCUMENT, 2)
    one = replace(one, training=one.training.model_copy(update={"micro_batch": 4}))
    two = replace(one, training=one.training.model_copy(update={"processes": 2}))
    alone: list[StepPoint | EpochPoint] = []
    shared: list[StepPoint | EpochPoint] = []
    train_generative_refiner(table, one, tmp_path / "one", progress=alone.append)
    train_in_processes(2, train_generative_refiner, table, two, tmp_path / "two", "", shared.append, None)
    for mine, theirs in zip(alone, shared, strict=True):
        if isinstance(mine, StepPoint) and isinstance(theirs, StepPoint):
            assert mine.tokens == theirs.tokens
            assert mine.loss == pytest.approx(theirs.loss, abs=1e-3)
    weights, others = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, values in weights.items():
        np.testing.assert_allclose(values, others[name], atol=1e-3)
