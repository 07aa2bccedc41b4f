"""A classification model and its tokenizer, new or pretrained, for either task."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.inference.checkpoint_check import usable_positions
from prox_assets.inference.loading import HEAD_OF, checkpoint_folder, load_base, new_model
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.tokenization import TextTokenizer, train_tokenizer

LABELS = {Task.DOCUMENT: ("drop", "keep"), Task.CHUNK: ("clean", "noise")}


def make_model(recipe: Recipe, texts: Iterable[str]) -> tuple[Any, TextTokenizer]:
    """The model to train and its tokenizer. `texts` train the tokenizer when there is no base.

    The caller seeds torch: new weights are drawn here. Raises RefinerError when the base cannot be loaded or
    does not take the recipe's window.
    """
    if recipe.base is None:
        tokenizer = TextTokenizer(train_tokenizer(texts, recipe.architecture.vocab_size))
        return _from_configuration(recipe, tokenizer), tokenizer
    folder = checkpoint_folder(recipe.base)
    tokenizer = TextTokenizer.load(folder)
    return _from_base(recipe, folder, tokenizer), tokenizer


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
    return new_model(HEAD_OF[recipe.task], config)


def check_window(base: str, config: Mapping[str, Any], window: int) -> None:
    """Raise RefinerError where a base of this configuration takes fewer tokens than the window has."""
    limit = usable_positions(config)
    if limit is not None and window > limit:
        raise RefinerError(
            f"The window of {window} tokens is longer than the {limit} that {base} takes. Lower it."
        )


def padding_token(base: str, config: Mapping[str, Any], tokenizer: TextTokenizer) -> int:
    """The id that fills a batch of a base model: its own, or a token that no text ends with.

    Llama and GPT-2 name none, and a classifier of theirs reads the last token that is no padding. Raises
    RefinerError where the tokenizer has none to offer.
    """
    if config.get("pad_token_id") is not None:
        return int(config["pad_token_id"])
    special = tokenizer.tokenizer
    named = [special.pad_token_id, special.unk_token_id, special.eos_token_id, special.bos_token_id]
    there = [token for token in named if token is not None and token < config["vocab_size"]]
    if not there:
        raise RefinerError(
            f"{base} has no padding token, and its tokenizer has no special token to take for one. "
            "Set tokenizer.pad_token and save the tokenizer beside the model."
        )
    return int(next((token for token in there if token not in tokenizer.specials.suffix), there[0]))


def _from_base(recipe: Recipe, folder: Path, tokenizer: TextTokenizer) -> Any:
    model = load_base(folder, HEAD_OF[recipe.task], **_labels(recipe.task))
    config = model.config.to_dict()
    check_window(str(recipe.base), config, recipe.window)
    model.config.pad_token_id = padding_token(str(recipe.base), config, tokenizer)
    return model
