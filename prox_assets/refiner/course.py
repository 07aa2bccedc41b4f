"""What a training run goes through, decided before its first step, so that a run can be taken up anywhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

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


def _filled(batches: list[list[int]], size: int) -> list[list[int]]:
    missing = -len(batches) % size
    return batches + [batches[place % len(batches)] for place in range(missing)]
