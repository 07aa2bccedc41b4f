"""The model card of a checkpoint: what it was made from, how, how large it is, and how well it does."""

import json
import math
from importlib import resources
from pathlib import Path
from string import Template

from prox_assets.inference import Task
from prox_assets.inference.checkpoint_check import inspect_weights
from prox_assets.refiner.checkpoint import CARD_FILE, CheckpointInfo

_EMBEDDINGS = ("tok_embeddings", "embed_tokens", "word_embeddings", "wte", "position_embeddings", "wpe")


def non_embedding_parameters(checkpoint: Path) -> int:
    """Count the parameters that each token is multiplied with, from the headers of the weight files.

    Raises:
        RefinerError: the folder holds no whole safetensors files.
    """
    return sum(
        math.prod(tensor.shape)
        for tensor in inspect_weights(checkpoint)
        if not any(part in tensor.name for part in _EMBEDDINGS)
    )


_WORDS = {
    Task.DOCUMENT: {
        "pipeline": "text-classification",
        "title": "A document refiner",
        "purpose": "Gives the probability that a document is worth keeping in a pre-training corpus "
        "(label 1, `keep`), from the first window of its tokens.",
        "auto": "AutoModelForSequenceClassification",
        "result": "the keep probability of the document",
    },
    Task.CHUNK: {
        "pipeline": "token-classification",
        "title": "A chunk refiner",
        "purpose": "Gives, for every token of a window of whole lines, the probability that it is noise "
        "(label 1, `noise`). The score of a line is the mean over its visible tokens.",
        "auto": "AutoModelForTokenClassification",
        "result": "the noise probability of every token, specials included",
    },
}


def write_card(folder: Path, info: CheckpointInfo, data: str) -> None:
    """Write `README.md` into a checkpoint directory.

    `data` says in a sentence or two what it was trained on.
    """
    template = Template((resources.files("prox_assets.refiner") / "card.txt").read_text(encoding="utf-8"))
    base = info.recipe["base"]
    text = template.substitute(
        _WORDS[info.task],
        data=data,
        origin=f"Fine-tuned from `{base}`."
        if base
        else "A ModernBERT made from a configuration, from scratch.",
        recipe=recipe_text(info),
        scores=scores_text(info),
        thresholds=thresholds_text(info),
        window=str(info.window),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def recipe_text(info: CheckpointInfo) -> str:
    """The recipe as JSON."""
    return json.dumps(info.recipe, indent=2)


def scores_text(info: CheckpointInfo) -> str:
    """The scores as a list."""
    return "\n".join(f"- {name.replace('_', ' ')}: {value:.4g}" for name, value in info.metrics.items())


def thresholds_text(info: CheckpointInfo) -> str:
    """The thresholds in a line."""
    values = {name: getattr(info.thresholds, name) for name in info.thresholds.__slots__}
    return ", ".join(
        f"{name.replace('_', ' ')} {'off' if value is None else f'{value:.4g}'}"
        for name, value in values.items()
    )
