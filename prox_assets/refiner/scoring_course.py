"""The course of a scoring refiner: padded batches of similar length, and a loss weighted token by token."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from prox_assets.refiner.augment import Hider
from prox_assets.refiner.course import Batch, Course
from prox_assets.refiner.examples import IGNORED, Example
from prox_assets.refiner.recipe import Training
from prox_assets.refiner.schedule import plan_batches


def scoring_course(
    examples: Sequence[Example], training: Training, hider: Hider, padding: int, processes: int = 1
) -> Course:
    """Batches planned by the seed, differently hidden in each; `padding` is the id that fills them."""
    lengths = [len(example.ids) for example in examples]

    def collate(positions: list[int], number: int) -> Batch:
        return _tensors([examples[position] for position in positions], hider, padding, number)

    def loss(model: Any, batch: Batch) -> Any:
        return weighted_loss(model, batch, training.class_weights)

    return Course(plan_batches(lengths, training), lengths, collate, loss, processes=processes)


def _tensors(batch: Sequence[Example], hider: Hider, padding: int, number: int) -> Batch:
    import torch

    ids = hider(_padded([example.ids for example in batch], padding, np.int64), step=number)
    arrays = {
        "input_ids": ids,
        "attention_mask": _padded([[1] * len(example.ids) for example in batch], 0, np.int64),
        "labels": _padded([example.labels for example in batch], IGNORED, np.int64),
        "weights": _padded([example.weights for example in batch], 0.0, np.float32),
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def weighted_loss(model: Any, batch: Batch, class_weights: tuple[float, float]) -> Any:
    """Cross entropy over the labels that are not ignored, the mean by weight and weight of class."""
    import torch
    from torch.nn.functional import cross_entropy

    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    flat, classes = batch["labels"].reshape(-1), torch.tensor(class_weights, device=logits.device)
    weights = batch["weights"].reshape(-1) * (flat != IGNORED) * classes[flat.clamp(min=0)]
    losses = cross_entropy(logits.float().view(-1, 2), flat, ignore_index=IGNORED, reduction="none")
    return (losses * weights).sum() / weights.sum()


def _padded(rows: list[list[Any]], value: float, dtype: Any) -> Any:
    width = max(map(len, rows))
    return np.array([row + [value] * (width - len(row)) for row in rows], dtype=dtype)
