"""Scoring and generation with plain transformers, on the CPU or one GPU: padded or packed batches."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

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
    length_sorted_batches,
    pass_tokens,
    within_memory,
)
from prox_assets.inference.loading import HEAD_OF, Head, load_tokenizer, load_trained
from prox_assets.inference.packed import PackedModel, can_pack, packs, pays, sent_to

_BITS = 32


class GrammarProcessor(LogitsProcessor):  # type: ignore[misc]
    """Masks in each row of a batch the tokens that its prompt's grammar does not allow next.

    Made for one call of `generate`, whose rows are `prompts` in order. Rows without a grammar are left alone.
    """

    def __init__(self, prompts: Sequence[Prompt], vocabulary: Any) -> None:
        self._matchers = [_matcher(prompt, vocabulary) for prompt in prompts]
        self._began = False

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The scores `(rows, vocabulary)` with what is not allowed at minus infinity."""
        if self._began:
            self._consume(input_ids[:, -1].tolist())
        self._began = True
        masks = torch.full((len(self._matchers), -(-scores.shape[1] // _BITS)), -1, dtype=torch.int32)
        for row, matcher in zip(masks, self._matchers, strict=True):
            if matcher is not None:  # one that has stopped allows the end token alone
                matcher.unsafe_compute_mask_ptr(row.data_ptr(), row.numel() * row.element_size())
        return scores.masked_fill(~_unpacked(masks, scores.shape[1]).to(scores.device), -torch.inf)

    def _consume(self, tokens: list[int]) -> None:
        for matcher, token in zip(self._matchers, tokens, strict=True):
            if matcher is not None and not matcher.is_stopped() and not matcher.consume_token(token):
                raise RefinerError(
                    f"The model wrote token {token}, which its grammar does not allow: {matcher.get_error()} "
                    "The tokenizer is not the one that the model was trained with; give the right one."
                )


def vocabulary_of(tokenizer: Any, size: int) -> Any:
    """The tokenizer as llguidance reads it; `size` is that of the model's output, padding included.

    Takes about a second for large vocabularies: once a model. Raises RefinerError where llguidance is not
    installed or the tokenizer has no fast form.
    """
    try:
        from llguidance.hf import from_tokenizer
    except ImportError as error:
        raise RefinerError(
            f"Answers are held to a grammar by llguidance, which is not installed ({error}). "
            "pip install llguidance, or switch the refiner's grammar off."
        ) from error
    try:
        return from_tokenizer(tokenizer, n_vocab=size)
    except ValueError as error:
        raise RefinerError(
            f"The tokenizer cannot be held to a grammar: {error} Convert it to tokenizer.json first."
        ) from error


def _matcher(prompt: Prompt, vocabulary: Any) -> Any:
    from llguidance import LLMatcher

    if prompt.grammar is not None:
        grammar = LLMatcher.grammar_from_lark(prompt.grammar)
    elif prompt.json_schema is not None:
        grammar = LLMatcher.grammar_from_json_schema(prompt.json_schema, {"whitespace_flexible": False})
    else:
        return None
    matcher = LLMatcher(vocabulary, grammar)
    if matcher.is_error():
        raise RefinerError(f"llguidance refuses the grammar of a prompt: {matcher.get_error()} Correct it.")
    return matcher


def _unpacked(masks: Any, size: int) -> Any:
    """Bits `(rows, words)` of 32 tokens each as booleans `(rows, size)`."""
    bits = (masks[:, :, None] >> torch.arange(_BITS, dtype=torch.int32)) & 1
    return bits.flatten(1)[:, :size].bool()


class TransformersEngine:
    """A `ScoringEngine` around a loaded classification model, which it moves to the settings' device."""

    def __init__(self, model: Any, settings: EngineSettings) -> None:
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self._device = torch_device(settings.device)
        self._batch_tokens = pass_tokens(self._device.type, settings.batch_tokens)
        self._model = model.to(self._device).eval()
        self._pad_id = model.config.pad_token_id or 0
        self._limit = usable_positions(model.config.to_dict())
        self._packed = self._pack(settings)

    @classmethod
    def load(cls, checkpoint: Path, task: Task, settings: EngineSettings) -> "TransformersEngine":
        """Load a checkpoint directory. Raises RefinerError when it is not a trained checkpoint of `task`."""
        check_checkpoint(checkpoint, task)
        return cls(load_trained(checkpoint, HEAD_OF[task], settings.dtype), settings)

    def document_probabilities(self, ids: Sequence[Sequence[int]]) -> Probabilities:
        """P(keep), `(n,)`."""
        result = np.zeros(len(ids), dtype=np.float32)
        for batch, keep in self._all(self._judged, ids):
            result[batch] = keep.cpu().numpy()
        return result

    def token_probabilities(self, ids: Sequence[Sequence[int]]) -> list[Probabilities]:
        """P(noise) of every token."""
        result: list[Probabilities] = [np.zeros(0, dtype=np.float32)] * len(ids)
        for batch, noise in self._all(self._scored, ids):
            rows = np.split(noise.cpu().numpy(), np.cumsum([len(ids[position]) for position in batch])[:-1])
            for position, row in zip(batch, rows, strict=True):
                result[position] = row.copy()
        return result

    def close(self) -> None:
        """Drop the model, and give its memory back."""
        del self._model, self._packed
        give_back(self._device)

    def _pack(self, settings: EngineSettings) -> PackedModel | None:
        wanted = settings.packing == "always" or (
            settings.packing == "auto" and pays(self._device, self._model.dtype)
        )
        if wanted and can_pack(self._model.config):
            return PackedModel(self._model, settings.compiled)
        if settings.packing == "always" or settings.compiled:
            raise RefinerError(
                "inference.packing or compile asks for packed batches, which a "
                f"{self._model.config.model_type} in {self._model.dtype} on {self._device} does not take: "
                "set packing to auto and compile to false."
            )
        return None

    def _all(
        self, score: Callable[[Sequence[Sequence[int]]], torch.Tensor], ids: Sequence[Sequence[int]]
    ) -> list[tuple[list[int], torch.Tensor]]:
        """All batches with what `score` makes of each; a GPU may still be at work on it."""
        with torch.inference_mode(), within_memory(self._batch_tokens):
            return [(batch, score([ids[position] for position in batch])) for batch in self._batches(ids)]

    def _batches(self, ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        check_sequences(ids, self._limit)
        lengths = [len(sequence) for sequence in ids]
        if self._packed is None:
            return length_sorted_batches(lengths, self._batch_tokens)
        return packs(lengths, self._batch_tokens)

    def _judged(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """P(keep), `(n,)`."""
        if self._packed is None:
            return _probabilities(self._padded_logits(ids)[0])
        return _probabilities(self._packed.document_logits(ids))

    def _scored(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """P(noise) of the tokens of all sequences, one after another, `(tokens,)`."""
        if self._packed is None:
            logits, places = self._padded_logits(ids)
            return _probabilities(logits).flatten()[places]
        return _probabilities(self._packed.token_logits(ids))

    def _padded_logits(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits of padded sequences, and which places of theirs, counted row by row, hold tokens."""
        width = max(map(len, ids))
        tokens = np.full((len(ids), width), self._pad_id, dtype=np.int64)
        lengths = np.array([len(sequence) for sequence in ids])
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = sequence
        there = np.arange(width) < lengths[:, None]
        logits = self._model(
            input_ids=sent_to(self._device, tokens),
            attention_mask=sent_to(self._device, there.astype(np.int64)),
        ).logits
        return logits, sent_to(self._device, np.flatnonzero(there))


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Those of the second of two labels."""
    return logits.float().softmax(-1)[..., 1]


def torch_device(name: str) -> Any:
    """The device of a setting; `auto` takes the GPU where there is one.

    RefinerError for a GPU that is not.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise RefinerError("inference.device is cuda and no GPU is visible. Set it to auto or cpu.")
    return torch.device(name)


def give_back(device: torch.device) -> None:
    """Let others have the memory of a device that nothing here holds any more."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


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
