"""Compare corpora by what they teach a tiny language model about clean text, at equal numbers of tokens."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from statistics import fmean, stdev
from time import perf_counter
from typing import Any

from prox_assets.baselines.pretraining_model import (
    Ids,
    PretrainingSettings,
    Reference,
    bits_per_character,
    cpu_threads,
    initial_model,
    load_vocabulary,
    pack,
    pack_reference,
    train,
)
from prox_assets.errors import InputError


def t_quantile(confidence: float, freedom: int) -> float:
    """The t with `confidence` of the distribution between -t and t, for `freedom` ≥ 1 degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """The share between -t and t for t = √freedom · tan(angle): Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    odd = freedom % 2
    cosine = math.cos(angle)
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(odd, freedom - 1, 2):
        total += term
        term *= cosine**2 * (k + 1) / (k + 2)
    total *= math.sin(angle)
    return (angle + total) * 2 / math.pi if odd else total


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
class ComparisonResult:
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


# matplotlib has no currentColor: it draws text and axes in this one, which no corpus has.
_INK = "#010203"
# Okabe and Ito's palette without black and yellow: apart for colour-blind readers, on light and on dark.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pretraining_comparison",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def comparison_svg(comparison: ComparisonResult) -> str:
    """An `<svg>` element to be put into a page: text takes the page's colour, and its background shows.

    Left, the training loss of every step, the mean over the seeds. Right, reference bits per character from
    zero, a bar for the mean and a ring for each seed, and in brackets the difference to the first corpus.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        height = 2.2 + 0.25 * len(comparison.corpora)
        figure = Figure(figsize=(9, height), layout="constrained")
        curves, bars = figure.subplots(1, 2)
        _draw_curves(curves, comparison)
        _draw_bars(bars, comparison)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace(_INK, "currentColor")


def _draw_curves(axes: Any, comparison: ComparisonResult) -> None:
    steps = range(1, comparison.settings.steps + 1)
    for index, corpus in enumerate(comparison.corpora):
        losses = [run.training_losses for run in comparison.of(corpus)]
        means = [fmean(of_step) for of_step in zip(*losses, strict=True)]
        axes.plot(steps, means, color=_colour(index), label=corpus, linewidth=1.4)
    axes.set(xlabel="step", ylabel="nats per token of its own corpus", title="Training loss")
    axes.legend(frameon=False)


def _draw_bars(axes: Any, comparison: ComparisonResult) -> None:
    corpora = comparison.corpora
    for index, corpus in enumerate(corpora):
        bits = [run.bits_per_character for run in comparison.of(corpus)]
        axes.barh(index, comparison.mean(corpus), color=_colour(index), height=0.6)
        axes.plot(bits, [index] * len(bits), "o", markerfacecolor="none", markeredgecolor=_INK, markersize=4)
        axes.annotate(
            _label(comparison, corpus),
            (max(bits), index),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(range(len(corpora)), corpora)
    axes.invert_yaxis()
    axes.margins(x=0.4)
    axes.set(xlabel="bits per character, lower is better", title="Held-out clean text", xlim=(0, None))


def _label(comparison: ComparisonResult, corpus: str) -> str:
    mean = f"{comparison.mean(corpus):.3f}"
    if corpus == comparison.corpora[0]:
        return mean
    return f"{mean} ({comparison.difference(corpus).mean:+.3f})"


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


REPORTS_PER_RUN = 5


def compare_corpora(
    corpora: Mapping[str, Iterable[str]],
    reference: Sequence[str],
    tokenizer: Path,
    settings: PretrainingSettings,
    report: Callable[[str], None],
) -> ComparisonResult:
    """Train one model per corpus and seed and score each on `reference` in bits per character.

    `corpora`: name → documents; each is iterated once and only as far as the budget reaches, so their order
    should not matter to the caller, and a corpus smaller than the budget repeats. The first is the baseline.
    `reference`: clean held-out documents. **The caller keeps them out of every corpus**: nothing here tells.
    `tokenizer`: the folder of one fast tokenizer for all. On one CPU, results repeat exactly.

    Raises:
        InputError: there is no corpus, one has no text, or the reference is shorter than one context.
        RefinerError: the tokenizer cannot be used, or a loss is not a number.
    """
    if not corpora:
        raise InputError("there is no corpus to train on: give at least one, the baseline first.")
    vocabulary = load_vocabulary(tokenizer)
    held_out = pack_reference(reference, vocabulary, settings.context)
    runs: list[PretrainingRun] = []
    with cpu_threads(settings.threads):
        for name, texts in corpora.items():
            stream = pack(name, texts, vocabulary, settings.budget)
            runs += [
                _run(name, stream, held_out, vocabulary.size, settings, seed, report)
                for seed in settings.seeds
            ]
        parameters = initial_model(vocabulary.size, settings, settings.seeds[0]).num_parameters()
    comparison = ComparisonResult(settings, parameters, held_out.tokens, held_out.characters, tuple(runs))
    for name in comparison.corpora[1:]:
        report(f"{name} against {comparison.corpora[0]}: {comparison.difference(name)} bits per character")
    return comparison


def _run(
    name: str,
    stream: Ids,
    reference: Reference,
    vocabulary_size: int,
    settings: PretrainingSettings,
    seed: int,
    report: Callable[[str], None],
) -> PretrainingRun:
    started = perf_counter()
    every = -(-settings.steps // REPORTS_PER_RUN)

    def progress(step: int, loss: float) -> None:
        if step % every == 0 or step == settings.steps:
            report(f"{name}, seed {seed}: step {step} of {settings.steps}, loss {loss:.3f}")

    model = initial_model(vocabulary_size, settings, seed)
    losses = train(model, stream, settings, seed, progress)
    bits = bits_per_character(model, reference, settings)
    run = PretrainingRun(
        corpus=name,
        seed=seed,
        training_losses=tuple(losses),
        bits_per_character=bits,
        tokens_seen=settings.budget,
        unique_tokens=len(stream),
        seconds=perf_counter() - started,
    )
    report(
        f"{name}, seed {seed}: {bits:.3f} bits per character, {run.epochs:.2f} epochs, {run.seconds:.1f} s"
    )
    return run
