"""The optimization loop of both tasks: plain torch, one process, the same result for the same seed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from prox_assets.refiner.augment import Hider
from prox_assets.refiner.curves import Curves, EpochPoint, Progress, StepPoint
from prox_assets.refiner.examples import IGNORED, Example
from prox_assets.refiner.recipe import Training
from prox_assets.refiner.schedule import learning_rate, plan_batches
from prox_assets.refiner.tokenized import Ints


def fit(
    model: Any,
    examples: Sequence[Example],
    training: Training,
    hider: Hider,
    validation_f1: Callable[[], float],
    progress: Progress,
) -> Curves:
    """Train `model` in place and leave in it the weights of the epoch with the highest `validation_f1()`."""
    epochs = plan_batches([len(example.ids) for example in examples], training)
    steps = sum(map(len, epochs))
    optimizer = _optimizer(model, training)
    curves, best_weights = Curves(), {}
    for number, batches in enumerate(epochs, start=1):
        model.train()
        for batch in batches:
            rate = learning_rate(len(curves.steps), steps, training)
            chosen = [examples[position] for position in batch]
            hide = partial(hider, step=len(curves.steps))
            loss = _step(model, optimizer, _loss(model, chosen, hide, training), training, rate)
            tokens = sum(len(example.ids) for example in chosen) + (
                curves.steps[-1].tokens if curves.steps else 0
            )
            curves.steps.append(StepPoint(len(curves.steps) + 1, steps, loss, rate, tokens))
            progress(curves.steps[-1])
        model.eval()
        mean_loss = float(np.mean([point.loss for point in curves.steps[-len(batches) :]]))
        curves.epochs.append(EpochPoint(number, len(curves.steps), mean_loss, validation_f1()))
        progress(curves.epochs[-1])
        if curves.best_epoch is curves.epochs[-1]:
            best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(best_weights)
    return curves


def _optimizer(model: Any, training: Training) -> Any:
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": decayed, "weight_decay": training.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.peak_learning_rate, betas=(0.9, 0.98), fused=True)


def _step(model: Any, optimizer: Any, loss: Any, training: Training, rate: float) -> float:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_gradient_norm)
    optimizer.step()
    return float(loss.detach())


def _loss(model: Any, batch: Sequence[Example], hide: Callable[[Ints], Ints], training: Training) -> Any:
    device = next(model.parameters()).device
    ids = hide(_padded([example.ids for example in batch], model.config.pad_token_id or 0, np.int64))
    mask = _padded([[1] * len(example.ids) for example in batch], 0, np.int64)
    labels = torch.from_numpy(_padded([example.labels for example in batch], IGNORED, np.int64)).to(device)
    weights = torch.from_numpy(_padded([example.weights for example in batch], 0.0, np.float32)).to(device)
    logits = model(
        input_ids=torch.from_numpy(ids).to(device), attention_mask=torch.from_numpy(mask).to(device)
    ).logits
    flat, classes = labels.reshape(-1), torch.tensor(training.class_weights, device=device)
    weights = weights.reshape(-1) * (flat != IGNORED) * classes[flat.clamp(min=0)]
    losses = cross_entropy(logits.float().view(-1, 2), flat, ignore_index=IGNORED, reduction="none")
    return (losses * weights).sum() / weights.sum()


def _padded(rows: list[list[Any]], value: float, dtype: Any) -> Any:
    width = max(map(len, rows))
    return np.array([row + [value] * (width - len(row)) for row in rows], dtype=dtype)
