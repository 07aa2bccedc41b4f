"""Generation with plain transformers: left-padded batches of similar length, on the CPU or one GPU."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prox_assets.errors import RefinerError
from prox_assets.inference.batching import length_sorted_batches, within_memory
from prox_assets.inference.checkpoint_check import check_causal, usable_positions
from prox_assets.inference.constrained import GrammarProcessor, vocabulary_of
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
from prox_assets.inference.loading import Head, load_tokenizer, load_trained
from prox_assets.inference.transformers_engine import give_back, torch_device

_UNBOUNDED = 1 << 30  # positions of a model whose configuration names none


class TransformersGenerator:
    """A `GenerationEngine` around a loaded causal language model."""

    def __init__(self, model: Any, tokenizer: Any, settings: EngineSettings) -> None:
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self.tokenizer = tokenizer
        self._batch_tokens = settings.batch_tokens
        self._device = torch_device(settings.device)
        self._model = model.to(self._device).eval()
        self._ends = end_tokens(model.generation_config.eos_token_id, tokenizer)

    @classmethod
    def load(cls, checkpoint: Path, settings: EngineSettings) -> "TransformersGenerator":
        """Load a checkpoint directory. Raises RefinerError when it is not a causal language model."""
        check_causal(checkpoint)
        model = load_trained(checkpoint, Head.CAUSAL, settings.dtype)
        return cls(model, load_tokenizer(checkpoint), settings)

    @property
    def max_length(self) -> int:
        """The positions that the model was made with."""
        return usable_positions(self._model.config.to_dict()) or _UNBOUNDED

    def generate(
        self, prompts: Sequence[Prompt], max_tokens: int, sampling: Sampling = GREEDY
    ) -> list[Generation]:
        """Continue each prompt by at most `max_tokens` tokens."""
        check_room(prompts, max_tokens, self.max_length)
        found: dict[int, Generation] = {}
        sizes = [len(prompt.ids) + max_tokens for prompt in prompts]
        for batch in length_sorted_batches(sizes, self._batch_tokens):
            written = self._written([prompts[position] for position in batch], max_tokens, sampling)
            found.update(zip(batch, map(self._generation, written), strict=True))
        return [found[position] for position in range(len(prompts))]

    def answer_log_probabilities(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
    ) -> LogProbabilities:
        """Log-probabilities of the tokens that tell the answers apart, `(prompts, answers)`."""
        common, deciding = deciding_tokens(answers)
        asked = [Prompt((*prompt, *common)) for prompt in prompts]
        check_room(asked, 1, self.max_length)
        result = np.zeros((len(prompts), len(answers)), dtype=np.float32)
        for batch in length_sorted_batches([len(prompt.ids) for prompt in asked], self._batch_tokens):
            ids, mask = self._padded([asked[position] for position in batch])
            with torch.inference_mode(), within_memory(self._batch_tokens):
                positions = (mask.cumsum(-1) - 1).clamp(min=0)
                logits = self._model(
                    input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1
                ).logits[:, -1]
                result[batch] = logits.float().log_softmax(-1)[:, deciding].cpu().numpy()
        return result

    def close(self) -> None:
        """Drop the model, and give its memory back."""
        del self._model
        give_back(self._device)

    @cached_property
    def _vocabulary(self) -> Any:
        return vocabulary_of(self.tokenizer, self._model.get_output_embeddings().weight.shape[0])

    def _written(self, prompts: Sequence[Prompt], max_tokens: int, sampling: Sampling) -> list[list[int]]:
        ids, mask = self._padded(prompts)
        drawn = {"do_sample": True, "temperature": sampling.temperature, "top_k": 0, "top_p": 1.0}
        free = all(prompt.grammar is None and prompt.json_schema is None for prompt in prompts)
        torch.manual_seed(sampling.seed)
        with torch.inference_mode(), within_memory(self._batch_tokens):
            result = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max_tokens,
                logits_processor=[] if free else [GrammarProcessor(prompts, self._vocabulary)],
                eos_token_id=self._ends,
                pad_token_id=self._ends[0],
                **(drawn if sampling.temperature else {"do_sample": False}),
            )
        rows: list[list[int]] = result[:, ids.shape[1] :].tolist()
        return rows

    def _generation(self, written: list[int]) -> Generation:
        end = next((place for place, token in enumerate(written) if token in self._ends), None)
        ids = written if end is None else written[:end]
        return Generation(
            tuple(ids), self.tokenizer.decode(ids, skip_special_tokens=True), finished=end is not None
        )

    def _padded(self, prompts: Sequence[Prompt]) -> tuple[Any, Any]:
        width = max(len(prompt.ids) for prompt in prompts)
        ids = torch.full((len(prompts), width), self._ends[0])
        mask = torch.zeros((len(prompts), width), dtype=torch.int64)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt.ids) :] = torch.tensor(prompt.ids)
            mask[row, width - len(prompt.ids) :] = 1
        return ids.to(self._device), mask.to(self._device)


def end_tokens(configured: int | list[int] | None, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: the model's own, and the tokenizer's.

    Raises RefinerError when there are none.
    """
    ends = [configured] if isinstance(configured, int) else list(configured or [])
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in ends:
        ends.append(tokenizer.eos_token_id)
    if not ends:
        raise RefinerError("Neither the model nor its tokenizer has an end token. Set tokenizer.eos_token.")
    return ends
