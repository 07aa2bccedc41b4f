"""What a comparison found: every run, the means, and the paired differences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from prox_assets.baselines.pretraining_interval import t_quantile
from prox_assets.baselines.pretraining_settings import PretrainingSettings

FINAL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class PretrainingRun:
    """One model: its corpus, its seed, and how it went.

    `training_losses`: one a step, in nats per token of its own corpus, so not comparable between corpora.
    `unique_tokens`: tokens of the corpus that were read, which is never more than the budget.
    """

    corpus: str
    seed: int
    training_losses: tuple[float, ...]
    bits_per_character: float
    tokens_seen: int
    unique_tokens: int
    seconds: float

    @property
    def final_training_loss(self) -> float:
        """The mean over the last tenth of the steps, because a single step's loss is noisy."""
        last = max(1, round(len(self.training_losses) * FINAL_SHARE))
        return fmean(self.training_losses[-last:])

    @property
    def epochs(self) -> float:
        """How often the corpus was seen; 1 means that it has at least as many tokens as the budget."""
        return self.tokens_seen / self.unique_tokens


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Bits per character of a corpus minus those of the first, seed by seed; below zero is better.

    `interval`: 95%, from Student's t over the seeds; None for one seed, which says nothing of the spread.
    It is about seeds alone: another reference text or another budget may differ by more.
    """

    mean: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, differences: Sequence[float]) -> "PairedDifference":
        """The difference over the seeds."""
        mean, count = fmean(differences), len(differences)
        if count < 2:
            return cls(mean, None)
        reach = t_quantile(0.95, count - 1) * stdev(differences) / count**0.5
        return cls(mean, (mean - reach, mean + reach))

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.mean:+.3f} (interval n/a: one seed)"
        low, high = self.interval
        return f"{self.mean:+.3f} (95% interval {low:+.3f} to {high:+.3f})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, in the order of corpora and then of seeds; the first corpus is the baseline of the others."""

    settings: PretrainingSettings
    parameters: int
    reference_tokens: int
    reference_characters: int
    runs: tuple[PretrainingRun, ...]

    @property
    def corpora(self) -> tuple[str, ...]:
        """The names of the corpora in the order given."""
        return tuple(dict.fromkeys(run.corpus for run in self.runs))

    def of(self, corpus: str) -> tuple[PretrainingRun, ...]:
        """The runs of one corpus, one a seed."""
        return tuple(run for run in self.runs if run.corpus == corpus)

    def mean(self, corpus: str) -> float:
        """Reference bits per character, the mean over the seeds."""
        return fmean(run.bits_per_character for run in self.of(corpus))

    def difference(self, corpus: str) -> PairedDifference:
        """How the corpus differs from the first."""
        pairs = zip(self.of(corpus), self.of(self.corpora[0]), strict=True)
        return PairedDifference.of([a.bits_per_character - b.bits_per_character for a, b in pairs])

    def to_json(self) -> dict[str, Any]:
        """Plain values: settings, sizes, a summary of each corpus, and every run with its curve."""
        return {
            **asdict(self),
            "runs": [_run_json(run) for run in self.runs],
            "summary": {corpus: self._summary(corpus) for corpus in self.corpora},
        }

    def _summary(self, corpus: str) -> dict[str, Any]:
        runs = self.of(corpus)
        return {
            "bits_per_character": self.mean(corpus),
            "difference": asdict(self.difference(corpus)),
            "final_training_loss": fmean(run.final_training_loss for run in runs),
            "tokens_seen": runs[0].tokens_seen,
            "unique_tokens": runs[0].unique_tokens,
            "epochs": runs[0].epochs,
            "seconds": sum(run.seconds for run in runs),
        }


def _run_json(run: PretrainingRun) -> dict[str, Any]:
    return asdict(run) | {"final_training_loss": run.final_training_loss, "epochs": run.epochs}
