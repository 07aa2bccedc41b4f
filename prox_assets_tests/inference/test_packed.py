"""Packs against padded batches: the same probabilities, and no sequence sees another."""

import inspect
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import varlen
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForTokenClassification

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task, open_engine, packed
from prox_assets.inference.packed import packs
from prox_assets.inference.transformers_engines import TransformersEngine
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
    """And it is compiled once, whatever the number of sequences of a pack and their lengths."""
    torch.compiler.reset()
    ids = sequences(120)
    compiled = EngineSettings(batch_tokens=512, threads=1, packing="always", compiled=True)
    one, other = (open_engine(checkpoints[Task.CHUNK], Task.CHUNK, each) for each in (PADDED, compiled))
    other.token_probabilities(ids[:30])
    with torch.compiler.set_stance("fail_on_recompile"):
        found = other.token_probabilities(ids)
    for expected, compiled_ones in zip(one.token_probabilities(ids), found, strict=True):
        np.testing.assert_allclose(expected, compiled_ones, atol=1e-4)


def _by_its_documentation(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    starts: torch.Tensor,
    _key_starts: torch.Tensor,
    longest: int,
    _longest_key: int,
    *,
    scale: float,
    window_size: tuple[int, int],
) -> torch.Tensor:
    """What `varlen_attn` computes, `(tokens, heads, size)`, on any device."""
    left, right = window_size
    parts = []
    for start, stop in pairwise(starts.tolist()):
        assert stop - start <= longest
        places = torch.arange(stop - start)
        apart = places[None, :] - places[:, None]
        seen = ((apart >= -left) | (left < 0)) & ((apart <= right) | (right < 0))
        q, k, v = (one[start:stop].transpose(0, 1) for one in (query, key, value))
        parts.append(scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale).transpose(0, 1))
    return torch.cat(parts)


@pytest.mark.parametrize("task", Task)
def test_the_flash_kernel_is_asked_for_the_same_attention(
    checkpoints: dict[Task, Path], task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sequences(25)
    padded = _scores(checkpoints[task], task, PADDED, ids)
    signature, asked = inspect.signature(varlen.varlen_attn), []

    def kernel(*given: Any, **options: Any) -> torch.Tensor:
        signature.bind(*given, **options)
        asked.append(options["window_size"])
        return _by_its_documentation(*given, **options)

    monkeypatch.setattr(packed, "_flashes", lambda _device, _dtype: True)
    monkeypatch.setattr(varlen, "varlen_attn", kernel)
    np.testing.assert_allclose(padded, _scores(checkpoints[task], task, PACKED, ids), atol=1e-5)
    assert len(set(asked)) == 2, "layers that see all, and layers that see nearby"


def test_layers_around_the_flash_kernel_are_one_graph_each_for_packs_of_all_sizes(
    checkpoints: dict[Task, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captured, not run: neither the kernel nor a compiler is needed. A break in a graph is an error."""
    graphs: list[torch.fx.GraphModule] = []

    def captured(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return lambda *given: (torch.zeros_like(next(one for one in given if is_states(one))),)

    def is_states(one: Any) -> bool:
        return isinstance(one, torch.Tensor) and one.dim() == 3

    monkeypatch.setattr(packed, "_flashes", lambda _device, _dtype: True)
    model = AutoModelForTokenClassification.from_pretrained(checkpoints[Task.CHUNK], dtype=torch.bfloat16)
    found = packed.PackedModel(model.eval())
    for layer in model.model.layers:
        layer.compile(dynamic=True, fullgraph=True, backend=captured)
    torch.compiler.reset()
    with torch.inference_mode():
        for ids in ([[1] * 10, [2] * 30, [3] * 7], [[1] * 4] * 9, [[1] * 70] * 30, [[4] * 90]):
            assert found.token_logits(ids).shape == (sum(map(len, ids)), 2)
    kinds = {(*layer.attn_norm.state_dict(), layer.attention_type) for layer in model.model.layers}
    assert len(graphs) == len(kinds)
    for graph in graphs:
        assert any("varlen_attn" in str(node.target) for node in graph.graph.nodes)


def _scores(checkpoint: Path, task: Task, settings: EngineSettings, ids: list[list[int]]) -> Any:
    engine = open_engine(checkpoint, task, settings)
    if task is Task.DOCUMENT:
        return engine.document_probabilities(ids)
    return np.concatenate(engine.token_probabilities(ids))


@GPU
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("task", Task)
def test_the_flash_kernel_stays_near_float32(
    checkpoints: dict[Task, Path], task: Task, compiled: bool
) -> None:
    ids = sequences(50)
    whole = EngineSettings(device="cuda", packing="never")
    half = EngineSettings(
        device="cuda", dtype="bfloat16", batch_tokens=1024, packing="always", compiled=compiled
    )
    expected = _scores(checkpoints[task], task, whole, ids)
    np.testing.assert_allclose(expected, _scores(checkpoints[task], task, half, ids), atol=0.05)
