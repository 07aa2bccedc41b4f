"""Which examples go into which step, and at which learning rate."""

import math

import numpy as np

from prox_assets.refiner.course import Optimization
from prox_assets.refiner.recipe import Training


def plan_batches(lengths: list[int], training: Training) -> list[list[list[int]]]:
    """For each epoch its batches of example positions, decided by the seed before training starts.

    Lengths get up to 10% of noise and are sorted, so that a batch holds similar lengths but other company in
    every epoch; batches are filled to `batch_tokens` (padding included) and shuffled.
    """
    random = np.random.default_rng(training.seed)
    epochs = []
    left = training.max_steps
    for _ in range(training.epochs):
        batches = _batches(lengths, training.batch_tokens, random)[:left]
        left = None if left is None else left - len(batches)
        if batches:
            epochs.append(batches)
    return epochs


def _batches(lengths: list[int], batch_tokens: int, random: np.random.Generator) -> list[list[int]]:
    noisy = np.array(lengths) * random.uniform(0.9, 1.0, len(lengths))
    batches: list[list[int]] = [[]]
    longest = 0
    for position in np.argsort(noisy, kind="stable").tolist():
        longest = max(longest, lengths[position])
        if batches[-1] and (len(batches[-1]) + 1) * longest > batch_tokens:
            batches.append([])
            longest = lengths[position]
        batches[-1].append(position)
    return [batches[i] for i in random.permutation(len(batches)).tolist()]


def learning_rate(step: int, steps: int, training: Optimization) -> float:
    """The rate of 0-based `step`: linear warm-up to the peak, then cosine to its final share."""
    warmup = max(1, round(steps * training.warmup_share))
    if step < warmup:
        return training.peak_learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    floor = training.final_learning_rate_share
    return training.peak_learning_rate * (floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2)
