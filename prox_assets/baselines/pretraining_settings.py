"""How big the tiny language models are and how long they train."""

from dataclasses import dataclass
from typing import Self

from prox_assets.config import PretrainingComparison
from prox_assets.errors import RefinerError


@dataclass(frozen=True, slots=True)
class PretrainingSettings:
    """One setting for all corpora: the same model, the same token budget, the same seeds.

    A step trains `rows` contexts of `context` tokens: as many as fit into `batch_tokens`. A seed decides the
    initial weights and the order of the contexts, alike for every corpus, so that runs of one seed are pairs.

    Raises:
        RefinerError: a size is not positive, seeds are missing or repeated, or no context fits into a batch.
    """

    steps: int = 60
    seeds: tuple[int, ...] = (0,)
    hidden_size: int = 96
    layers: int = 2
    batch_tokens: int = 4_096
    context: int = 256
    learning_rate: float = 5e-3
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("steps", "hidden_size", "layers", "batch_tokens", "context", "learning_rate", "threads"):
            if getattr(self, name) <= 0:
                raise RefinerError(f"pretraining.{name} is {getattr(self, name)}: make it positive.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise RefinerError(
                f"pretraining.seeds is {list(self.seeds)}: give one or more seeds, each once, "
                "because a repeated seed repeats its result and feigns certainty."
            )
        if self.batch_tokens < self.context:
            raise RefinerError(
                f"pretraining.batch_tokens ({self.batch_tokens}) holds no context of {self.context} tokens: "
                "raise batch_tokens or lower context."
            )

    @classmethod
    def of(cls, section: PretrainingComparison, threads: int = 2) -> Self:
        """The settings of a domain's `pretraining` section; `threads`: CPU threads of a training step."""
        return cls(**section.model_dump(), threads=threads)

    @property
    def rows(self) -> int:
        """Contexts in a step."""
        return self.batch_tokens // self.context

    @property
    def budget(self) -> int:
        """Tokens that every model is trained to predict."""
        return self.steps * self.rows * self.context
