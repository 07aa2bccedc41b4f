"""A classification model and its tokenizer, new or pretrained, for either task."""

from collections.abc import Iterable
from typing import Any

from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.tokenized import TextTokenizer
from prox_assets.refiner.tokenizer import train_tokenizer

LABELS = {Task.DOCUMENT: ("drop", "keep"), Task.CHUNK: ("clean", "noise")}


def make_model(recipe: Recipe, texts: Iterable[str]) -> tuple[Any, TextTokenizer]:
    """The model to train and its tokenizer. `texts` train the tokenizer when there is no base.

    The caller seeds torch: new weights are drawn here. Raises RefinerError when the base cannot be loaded or
    does not take the recipe's window.
    """
    if recipe.base is None:
        tokenizer = TextTokenizer(train_tokenizer(texts, recipe.architecture.vocab_size))
        return _from_configuration(recipe, tokenizer), tokenizer
    return _from_base(recipe, recipe.base), TextTokenizer.load(recipe.base)


def _auto(task: Task) -> Any:
    import transformers

    if task is Task.DOCUMENT:
        return transformers.AutoModelForSequenceClassification
    return transformers.AutoModelForTokenClassification


def _labels(task: Task) -> dict[str, Any]:
    names = LABELS[task]
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def _from_configuration(recipe: Recipe, tokenizer: TextTokenizer) -> Any:
    from transformers import ModernBertConfig

    sizes = recipe.architecture
    kinds = ["sliding_attention" if i % sizes.global_every else "full_attention" for i in range(sizes.layers)]
    special = tokenizer.tokenizer
    config = ModernBertConfig(
        vocab_size=len(special),
        hidden_size=sizes.hidden,
        intermediate_size=sizes.intermediate,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        max_position_embeddings=recipe.window,
        local_attention=sizes.local_attention,
        layer_types=kinds,
        initializer_range=sizes.initializer_range,
        mlp_dropout=sizes.dropout,
        classifier_dropout=sizes.dropout,
        classifier_pooling="mean",
        pad_token_id=special.pad_token_id,
        bos_token_id=special.bos_token_id,
        eos_token_id=special.eos_token_id,
        cls_token_id=special.cls_token_id,
        sep_token_id=special.sep_token_id,
        **_labels(recipe.task),
    )
    return _auto(recipe.task).from_config(config)


def _from_base(recipe: Recipe, base: str) -> Any:
    try:
        model = _auto(recipe.task).from_pretrained(base, dtype="float32", **_labels(recipe.task))
    except (OSError, ValueError, RuntimeError) as error:
        raise RefinerError(
            f"The base model {base} cannot be loaded: {error} Correct refiner.base, or download it."
        ) from error
    limit = getattr(model.config, "max_position_embeddings", recipe.window)
    if recipe.window > limit:
        raise RefinerError(
            f"The window of {recipe.window} tokens is longer than the {limit} that {base} takes. Lower it."
        )
    return model
