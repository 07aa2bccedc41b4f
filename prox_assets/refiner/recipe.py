"""How a refiner is made: its model, the plan of its training batches, and the learning rate of each step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

import numpy as np

from prox_assets.config import Architecture, CausalTraining, Training
from prox_assets.inference import Task
from prox_assets.refiner.thresholds import Goal

Batch = Mapping[str, Any]


@dataclass(frozen=True)
class Course:
    """All batches of a run, in order.

    `epochs`: for each epoch its batches of example positions. `tokens`: real tokens of each example.
    `collate` makes the tensors of a batch from its positions and its number in the run. `loss` of a model and
    a batch; None takes the model's own, summed over the labels of a step and divided by their number. An
    optimizer step takes `accumulation` batches on each of `processes`.
    """

    epochs: list[list[list[int]]]
    tokens: list[int]
    collate: Callable[[list[int], int], Batch]
    loss: Callable[[Any, Batch], Any] | None = None
    accumulation: int = 1
    processes: int = 1

    @property
    def batches_a_step(self) -> int:
        """Batches of one optimizer step, over all processes."""
        return self.accumulation * self.processes

    @cached_property
    def batches(self) -> list[list[int]]:
        """The batches of the whole run; each epoch is filled to whole steps with its own first batches."""
        return [batch for epoch in self.epochs for batch in _filled(epoch, self.batches_a_step)]

    @cached_property
    def epoch_ends(self) -> list[int]:
        """The number of steps taken when each epoch ends."""
        size = self.batches_a_step
        return list(accumulate(len(_filled(epoch, size)) // size for epoch in self.epochs))

    @cached_property
    def tokens_seen(self) -> list[int]:
        """Real tokens seen after each step, `(steps,)`."""
        sizes = [sum(self.tokens[position] for position in batch) for batch in self.batches]
        size = self.batches_a_step
        return list(accumulate(sum(sizes[first : first + size]) for first in range(0, len(sizes), size)))

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epoch_ends[-1]

    def until(self, step: int) -> "Course":
        """The same course, ended after the epoch that ends at `step`."""
        kept = self.epoch_ends.index(step) + 1
        return Course(
            self.epochs[:kept], self.tokens, self.collate, self.loss, self.accumulation, self.processes
        )


@dataclass(frozen=True, slots=True)
class Optimization:
    """AdamW with linear warm-up and a cosine to a share of the peak, and how a run survives.

    `patience`: epochs without a better validation F1 after which training ends; None trains all. A state to
    resume from is written at the end of every epoch and every `checkpoint_steps` steps. `precision`: `auto`
    computes in bfloat16 on a GPU that has it; weights stay float32.
    """

    peak_learning_rate: float
    final_learning_rate_share: float
    warmup_share: float
    weight_decay: float
    betas: tuple[float, float]
    max_gradient_norm: float
    seed: int
    patience: int | None
    checkpoint_steps: int
    precision: Literal["auto", "float32", "bfloat16"]

    @classmethod
    def of(cls, training: Training | CausalTraining, betas: tuple[float, float]) -> "Optimization":
        """Take what the loop is told of a training's settings."""
        shared = {field.name: getattr(training, field.name) for field in fields(cls) if field.name != "betas"}
        return cls(betas=betas, **shared)


def _filled(batches: list[list[int]], size: int) -> list[list[int]]:
    missing = -len(batches) % size
    return batches + [batches[place % len(batches)] for place in range(missing)]


# How a run survives, which decides nothing of what comes out.
UNNAMED = ("checkpoint_steps",)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a checkpoint besides its data.

    `base`: a checkpoint directory or model name to fine-tune; None makes a model from `architecture` with a
    tokenizer trained on the SFT texts. `window`: the most tokens of a sequence, specials included; of a
    longer document the document task sees the first window, the chunk task all, window by window; `overlap`
    tokens of a window on either side are its neighbours' and read for context. The chunk task removes spans
    inside lines only at a threshold of at least `span_precision_floor` token precision on validation data: a
    wrong deletion inside a sentence costs more than a menu left over. The thresholds for lines and documents
    follow from `aim`, with `aim_floor` and `f1_slack` as in `aims.Aim`.
    """

    task: Task
    base: str | None = None
    window: int = 512
    overlap: int = 32
    span_precision_floor: float = 0.95
    f1_slack: float = 0.01
    aim: Goal = Goal.BEST_F1
    aim_floor: float = 0.95
    architecture: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a card or a fingerprint. The architecture is left out when it is the base's."""
        values = asdict(self) | {"training": self.training.model_dump(exclude=set(UNNAMED))}
        if self.base is None:
            return values | {"architecture": self.architecture.model_dump()}
        del values["architecture"]
        return values


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
