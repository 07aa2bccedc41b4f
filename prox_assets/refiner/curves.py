"""What happened during training, step by step and epoch by epoch."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StepPoint:
    """One optimizer step. `steps`: how many there will be; `tokens`: real tokens seen so far."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    tokens: int


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """The validation F1 (at its best threshold) after an epoch, which ended at `step`."""

    epoch: int
    step: int
    training_loss: float
    validation_f1: float


Progress = Callable[[StepPoint | EpochPoint], None]


def no_progress(point: StepPoint | EpochPoint) -> None:
    """Report nothing."""


@dataclass(slots=True)
class Curves:
    """All points of one training run, in order."""

    steps: list[StepPoint] = field(default_factory=list)
    epochs: list[EpochPoint] = field(default_factory=list)

    @property
    def best_epoch(self) -> EpochPoint:
        """The first epoch of the highest validation F1."""
        return max(self.epochs, key=lambda point: point.validation_f1)

    def to_json(self) -> dict[str, Any]:
        """Lists of plain points."""
        return {
            "steps": [asdict(point) for point in self.steps],
            "epochs": [asdict(point) for point in self.epochs],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Curves":
        """Back from `to_json`."""
        return cls([StepPoint(**v) for v in values["steps"]], [EpochPoint(**v) for v in values["epochs"]])
