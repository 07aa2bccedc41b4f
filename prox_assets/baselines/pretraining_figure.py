"""The comparison as one figure: how training went, and what it came to."""

from io import StringIO
from statistics import fmean
from typing import Any

from prox_assets.baselines.pretraining_results import Comparison

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


def comparison_svg(comparison: Comparison) -> str:
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


def _draw_curves(axes: Any, comparison: Comparison) -> None:
    steps = range(1, comparison.settings.steps + 1)
    for index, corpus in enumerate(comparison.corpora):
        losses = [run.training_losses for run in comparison.of(corpus)]
        means = [fmean(of_step) for of_step in zip(*losses, strict=True)]
        axes.plot(steps, means, color=_colour(index), label=corpus, linewidth=1.4)
    axes.set(xlabel="step", ylabel="nats per token of its own corpus", title="Training loss")
    axes.legend(frameon=False)


def _draw_bars(axes: Any, comparison: Comparison) -> None:
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


def _label(comparison: Comparison, corpus: str) -> str:
    mean = f"{comparison.mean(corpus):.3f}"
    if corpus == comparison.corpora[0]:
        return mean
    return f"{mean} ({comparison.difference(corpus).mean:+.3f})"


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]
