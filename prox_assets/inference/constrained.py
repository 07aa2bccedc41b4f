"""A grammar as a transformers logits processor, by llguidance: the engine behind vLLM's guidance backend."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor

from prox_assets.errors import RefinerError
from prox_assets.inference.generation import Prompt

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
