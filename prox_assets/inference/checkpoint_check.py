"""Does a directory hold a two-class checkpoint of the task asked for? Answered before any weight is read."""

import json
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
