"""The transformers engine against the model called by hand, and its refusals."""

import gc
import json
import random
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task, open_engine
from prox_assets.inference.transformers_engines import TransformersEngine

SETTINGS = EngineSettings(batch_tokens=256, threads=1)


def sequences(count: int) -> list[list[int]]:
    draw = random.Random(0)
    return [[1, *(draw.randrange(5, 300) for _ in range(draw.randrange(1, 100))), 2] for _ in range(count)]


def test_documents_as_the_model_says_alone(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(25)
    engine = open_engine(checkpoints[Task.DOCUMENT], Task.DOCUMENT, SETTINGS)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoints[Task.DOCUMENT]).eval()
    with torch.inference_mode():
        alone = [model(torch.tensor([one])).logits.softmax(-1)[0, 1].item() for one in ids]
    found = engine.document_probabilities(ids)
    np.testing.assert_allclose(found, alone, atol=1e-5)
    assert np.std(alone) > 0.01


def test_tokens_as_the_model_says_alone(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(25)
    engine = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, SETTINGS)
    model = AutoModelForTokenClassification.from_pretrained(checkpoints[Task.CHUNK]).eval()
    for one, found in zip(ids, engine.token_probabilities(ids), strict=True):
        with torch.inference_mode():
            alone = model(torch.tensor([one])).logits.softmax(-1)[0, :, 1].numpy()
        np.testing.assert_allclose(found, alone, atol=1e-5)


def test_order_and_batch_size_change_nothing_but_noise(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(25)
    engine = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, SETTINGS)
    single = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, EngineSettings(batch_tokens=1, threads=1))
    found = engine.token_probabilities(ids)
    for other in (engine.token_probabilities(ids[::-1])[::-1], single.token_probabilities(ids)):
        for one, same in zip(found, other, strict=True):
            np.testing.assert_allclose(one, same, atol=1e-5)


def test_bfloat16_stays_near(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(10)
    whole, half = (
        open_engine(checkpoints[Task.DOCUMENT], Task.DOCUMENT, EngineSettings(dtype=dtype, threads=1))
        for dtype in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(whole.document_probabilities(ids), half.document_probabilities(ids), atol=0.05)


def test_nothing_in_nothing_out(checkpoints: dict[Task, Path]) -> None:
    engine = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, SETTINGS)
    assert engine.token_probabilities([]) == []
    assert engine.document_probabilities([]).shape == (0,)


def test_sequences_that_cannot_be_scored_are_refused(checkpoints: dict[Task, Path]) -> None:
    engine = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, SETTINGS)
    with pytest.raises(RefinerError, match="129 tokens and the model takes 128"):
        engine.token_probabilities([[5] * 129])
    with pytest.raises(RefinerError, match="without tokens"):
        engine.token_probabilities([[5], []])


def test_checkpoints_that_are_none_are_refused(checkpoints: dict[Task, Path], tmp_path: Path) -> None:
    with pytest.raises(RefinerError, match=r"config\.json is missing"):
        open_engine(tmp_path / "nowhere", Task.CHUNK, SETTINGS)
    with pytest.raises(RefinerError, match="needs a model ForTokenClassification"):
        open_engine(checkpoints[Task.DOCUMENT], Task.CHUNK, SETTINGS)
    broken = tmp_path / "broken"
    shutil.copytree(checkpoints[Task.CHUNK], broken)
    weights = load_file(broken / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RefinerError, match=r"lacks the weights classifier\.weight"):
        open_engine(broken, Task.CHUNK, SETTINGS)
    (broken / "model.safetensors").unlink()
    with pytest.raises(RefinerError, match="cannot be loaded"):
        open_engine(broken, Task.CHUNK, SETTINGS)
    config = json.loads((broken / "config.json").read_text())
    config["id2label"] = {"0": "a", "1": "b", "2": "c"}
    (broken / "config.json").write_text(json.dumps(config))
    with pytest.raises(RefinerError, match="has 3 labels"):
        open_engine(broken, Task.CHUNK, SETTINGS)


@pytest.mark.parametrize("packing", ["always", "never"])
def test_a_closed_engine_holds_no_model(checkpoints: dict[Task, Path], packing: Any) -> None:
    engine = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, replace(SETTINGS, packing=packing))
    assert isinstance(engine, TransformersEngine)
    engine.token_probabilities(sequences(2))
    model = weakref.ref(engine._model)
    engine.close()
    gc.collect()
    assert model() is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is visible")
def test_a_gpu_that_is_not_there_is_said(checkpoints: dict[Task, Path]) -> None:
    with pytest.raises(RefinerError, match="no GPU is visible"):
        open_engine(checkpoints[Task.CHUNK], Task.CHUNK, EngineSettings(device="cuda"))
