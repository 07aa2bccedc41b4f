"""In which numbers training computes: from the catalogue to the weights that are stored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from prox_assets import config
from prox_assets.config import CausalTraining, Training
from prox_assets.inference import Task
from prox_assets.refiner.loop import computes_in_bfloat16
from prox_assets.refiner.recipe import Optimization
from prox_assets.refiner.scoring.training import BETAS, TrainedRefiner, train_document_refiner
from prox_assets_tests.refiner.conftest import recipe
from prox_assets_tests.refiner.survival import some_pages
from prox_assets_tests.refiner.tables import document_table


@pytest.mark.parametrize(
    ("precision", "gpu", "able", "expected"),
    [
        ("auto", False, False, False),
        ("auto", True, True, True),
        ("auto", True, False, False),
        ("float32", True, True, False),
        ("bfloat16", False, False, True),
    ],
)
def test_the_catalogue_decides_and_auto_asks_the_gpu(
    precision: str, gpu: bool, able: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: able)
    scoring = Training(**config.Training.model_validate({"precision": precision}).model_dump())
    writing = config.CausalTraining.model_validate({"precision": precision}).model_dump()
    for training in (scoring, CausalTraining(**writing)):
        assert computes_in_bfloat16(Optimization.of(training, BETAS)) is expected


def test_bfloat16_computes_otherwise_and_stores_float32(tmp_path: Path) -> None:
    one, two = (_trained(tmp_path / precision, precision) for precision in ("float32", "bfloat16"))
    assert one.curves.steps[0].loss != two.curves.steps[0].loss
    assert one.curves.steps[0].loss == pytest.approx(two.curves.steps[0].loss, rel=0.02)
    weights = load_file(two.path / "model.safetensors")
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def _trained(folder: Path, precision: str) -> TrainedRefiner:
    short = recipe(Task.DOCUMENT, 1, max_steps=2)
    training = short.training.model_copy(update={"precision": precision})  # type: ignore[arg-type]
    return train_document_refiner(document_table(some_pages()), replace(short, training=training), folder)
