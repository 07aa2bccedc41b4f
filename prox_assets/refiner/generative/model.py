"""A causal language model and its tokenizer: new, pretrained, or a release that is taken as it is."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prox_assets.errors import RefinerError
from prox_assets.refiner.generative.recipe import CausalArchitecture, GenerativeRecipe, Lora
from prox_assets.refiner.generative.tokenizer import read_llama_tokenizer, train_llama_tokenizer


def make_causal_model(recipe: GenerativeRecipe, texts: Iterable[str]) -> tuple[Any, Any]:
    """The model and its tokenizer. `texts` train the tokenizer where there is no model to start from.

    The caller seeds torch: new weights are drawn here. Raises RefinerError when the model cannot be loaded,
    or its context is too short for the recipe.
    """
    if recipe.origin is None:
        tokenizer = train_llama_tokenizer(texts, recipe.architecture.vocab_size)
        model = _from_configuration(recipe.architecture, tokenizer)
    else:
        model, tokenizer = _from_pretrained(recipe.origin), causal_tokenizer(recipe.origin)
    if model.generation_config.eos_token_id is None:
        model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model if recipe.lora is None else _adapted(model, recipe.lora), tokenizer


def llama_config(sizes: CausalArchitecture, **others: Any) -> Any:
    """The transformers configuration of an architecture."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=sizes.vocab_size,
        hidden_size=sizes.hidden,
        intermediate_size=sizes.intermediate,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.key_value_heads,
        max_position_embeddings=sizes.positions,
        initializer_range=sizes.initializer_range,
        tie_word_embeddings=False,
        **others,
    )


def causal_tokenizer(origin: str) -> Any:
    """The fast tokenizer of a folder or a name, also where there is only a `tokenizer.model`.

    Raises RefinerError when there is none.
    """
    from transformers import AutoTokenizer

    slow = _file(origin, "tokenizer.model")
    if slow is not None and _file(origin, "tokenizer.json") is None:
        return read_llama_tokenizer(slow)
    try:
        return AutoTokenizer.from_pretrained(origin)
    except (OSError, ValueError) as error:
        raise RefinerError(
            f"No tokenizer can be loaded from {origin}: {error} Correct refiner.base or refiner.checkpoint."
        ) from error


def _from_configuration(sizes: CausalArchitecture, tokenizer: Any) -> Any:
    from transformers import LlamaForCausalLM

    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = llama_config(sizes, pad_token_id=None, **ends)
    config.vocab_size = len(tokenizer)
    return LlamaForCausalLM(config)


def _from_pretrained(origin: str) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(origin, dtype="float32")
    except (OSError, ValueError, RuntimeError) as error:
        raise RefinerError(
            f"The model {origin} cannot be loaded: {error} Correct refiner.base or refiner.checkpoint, "
            "or download it."
        ) from error


def _file(origin: str, name: str) -> Path | None:
    from transformers.utils import cached_file

    try:
        found = cached_file(origin, name, _raise_exceptions_for_missing_entries=False)
    except OSError as error:
        raise RefinerError(
            f"No model at {origin}: {error} Correct refiner.base or refiner.checkpoint, or download it."
        ) from error
    return None if found is None else Path(found)


def _adapted(model: Any, lora: Lora) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise RefinerError(
            f"refiner.lora needs peft, which is not installed ({error}). Install the extra `lora`, or leave "
            "lora out to train all parameters."
        ) from error
    adapters = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, adapters)
