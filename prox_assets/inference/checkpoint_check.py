"""What every engine asks before it works: is this a checkpoint of the task, are these sequences it takes?"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prox_assets.errors import RefinerError
from prox_assets.inference.engine import Task

HEADS = {Task.DOCUMENT: "ForSequenceClassification", Task.CHUNK: "ForTokenClassification"}


def read_config(checkpoint: Path) -> dict[str, Any]:
    """The checkpoint's `config.json`.

    Raises RefinerError when the directory or the file is missing or is not JSON.
    """
    path = checkpoint / "config.json"
    if not path.is_file():
        raise RefinerError(
            f"No refiner checkpoint at {checkpoint}: {path.name} is missing. "
            "Train the refiner first, or correct the path."
        )
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RefinerError(
            f"{path} is not JSON ({error}). Train or download the checkpoint again."
        ) from error
    return config


def check_checkpoint(checkpoint: Path, task: Task) -> dict[str, Any]:
    """The configuration of a checkpoint that fits `task`.

    Raises RefinerError for another architecture or another number of labels than two.
    """
    config = read_config(checkpoint)
    architectures = config.get("architectures") or ["none"]
    if not any(name.endswith(HEADS[task]) for name in architectures):
        raise RefinerError(
            f"{checkpoint} holds {', '.join(architectures)}; the {task} refiner needs a model "
            f"{HEADS[task]}. Give the checkpoint of the other refiner, or train this one."
        )
    labels = len(config.get("id2label") or {0: "", 1: ""})
    if labels != 2:
        raise RefinerError(
            f"{checkpoint} has {labels} labels; a {task} refiner has two. Use another checkpoint."
        )
    return config


def check_causal(checkpoint: Path) -> dict[str, Any]:
    """The configuration of a checkpoint that writes. Raises RefinerError for another kind of model."""
    config = read_config(checkpoint)
    architectures = config.get("architectures") or ["none"]
    if not any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures):
        raise RefinerError(
            f"{checkpoint} holds {', '.join(architectures)}, which writes no text. Give a causal language "
            "model, or make the refiner's kind scoring."
        )
    return config


def check_sequences(ids: Sequence[Sequence[int]], limit: int | None) -> None:
    """Raise RefinerError for a sequence without tokens, or of more than `limit` (None: any length)."""
    lengths = [len(sequence) for sequence in ids]
    if limit is not None and max(lengths, default=0) > limit:
        raise RefinerError(
            f"A sequence has {max(lengths)} tokens and the model takes {limit}. Lower the refiner's window."
        )
    if not all(lengths):
        raise RefinerError("A sequence without tokens cannot be scored. Add the tokenizer's special tokens.")
