"""Packs against padded batches: the same probabilities, and no sequence sees another."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task, open_engine
from prox_assets.inference.packed import packs
from prox_assets.inference.transformers_engine import TransformersEngine
from prox_assets_tests.inference.test_transformers_engine import sequences

PADDED = EngineSettings(batch_tokens=256, threads=1, packing="never")
PACKED = EngineSettings(batch_tokens=256, threads=1, packing="always")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


@pytest.mark.parametrize("batch_tokens", [1, 256, 100_000])
def test_packs_score_as_padded_batches(checkpoints: dict[Task, Path], batch_tokens: int) -> None:
    ids = sequences(25)
    packed = EngineSettings(batch_tokens=batch_tokens, threads=1, packing="always")
    padded, ours = (open_engine(checkpoints[Task.CHUNK], Task.CHUNK, one) for one in (PADDED, packed))
    expected, found = padded.token_probabilities(ids), ours.token_probabilities(ids)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert ours.token_probabilities([]) == []


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_packs_judge_as_padded_batches(checkpoints: dict[Task, Path], pooling: str) -> None:
    found = []
    for settings in (PADDED, PACKED):
        engine = open_engine(checkpoints[Task.DOCUMENT], Task.DOCUMENT, settings)
        assert isinstance(engine, TransformersEngine)
        engine._model.config.classifier_pooling = pooling
        found.append(engine.document_probabilities(sequences(25)))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    assert np.std(found[0]) > 0.01


def test_no_sequence_sees_another(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(6)
    engine = open_engine(checkpoints[Task.CHUNK], Task.CHUNK, PACKED)
    before = engine.token_probabilities(ids)
    changed = engine.token_probabilities([*ids[:3], [7] * 60, *ids[4:]])
    for place in (0, 1, 2, 4, 5):
        np.testing.assert_allclose(before[place], changed[place], atol=1e-6)
    assert len(changed[3]) == 60


def test_packs_fit_the_budget_in_order() -> None:
    assert list(packs([5, 5, 5, 20, 1], 10)) == [[0, 1], [2], [3], [4]]
    assert list(packs([], 10)) == []


def test_what_cannot_be_packed_is_refused(writer: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(writer)
    with pytest.raises(RefinerError, match=r"a llama in .* does not take: set packing to auto"):
        TransformersEngine(model, PACKED)


@pytest.mark.slow
def test_a_compiled_model_scores_the_same(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(12)
    compiled = EngineSettings(batch_tokens=512, threads=1, packing="always", compiled=True)
    one, other = (open_engine(checkpoints[Task.CHUNK], Task.CHUNK, each) for each in (PADDED, compiled))
    for expected, found in zip(one.token_probabilities(ids), other.token_probabilities(ids), strict=True):
        np.testing.assert_allclose(expected, found, atol=1e-4)


@GPU
def test_the_flash_kernel_stays_near_float32(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(50)
    half = EngineSettings(device="cuda", dtype="bfloat16", batch_tokens=1024)
    for task in Task:
        whole = open_engine(checkpoints[task], task, EngineSettings(device="cuda", packing="never"))
        engine = open_engine(checkpoints[task], task, half)
        assert isinstance(engine, TransformersEngine) and engine._packed is not None
        if task is Task.DOCUMENT:
            np.testing.assert_allclose(
                whole.document_probabilities(ids), engine.document_probabilities(ids), atol=0.05
            )
        else:
            for one, other in zip(
                whole.token_probabilities(ids), engine.token_probabilities(ids), strict=True
            ):
                np.testing.assert_allclose(one, other, atol=0.05)
