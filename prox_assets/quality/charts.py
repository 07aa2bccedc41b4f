"""Charts as inline SVG with the colours and font of the page: they read in dark and light."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that nothing else uses stand for the page's own while Matplotlib draws.
_INK, _KEPT, _REMOVED, _THIRD, _FOURTH = "#0a0b0c", "#0a0b1c", "#0a0b2c", "#0a0b3c", "#0a0b4c"
_PAGE_COLOURS = {
    _INK: "currentColor",
    _KEPT: "var(--kept)",
    _REMOVED: "var(--removed)",
    _THIRD: "var(--third)",
    _FOURTH: "var(--fourth)",
}
_SERIES = (_KEPT, _REMOVED, _THIRD, _FOURTH)


@dataclass(frozen=True, slots=True)
class Series:
    """Named values, one for each place of a chart."""

    name: str
    values: Sequence[float]


def histogram(title: str, counts: Sequence[int], shares: Sequence[float], threshold: float | None) -> str:
    """Scores in equal bins over [0, 1]; a line says what share a threshold there would take."""
    with _drawing(f"histogram of {title}") as chart:
        axes, width = chart.axes, 1 / len(counts)
        edges = [index * width for index in range(len(counts))]
        axes.bar(edges, counts, width=width * 0.92, align="edge", color=_KEPT)
        axes.set(xlim=(0, 1), xlabel=title, ylabel="number")
        _count_in_whole_numbers(axes)
        _share_line(axes, edges, shares)
        if threshold is not None:
            axes.axvline(threshold, color=_INK, linewidth=1, linestyle="--")
            axes.set_title(f"threshold {threshold:.2f}", fontsize=9, x=threshold, color=_INK)
    return chart.svg


def grouped_bars(
    title: str, places: Sequence[str], series: Sequence[Series], xlabel: str, ylabel: str
) -> str:
    """Bars side by side at each place."""
    with _drawing(title) as chart:
        axes, width = chart.axes, 0.84 / max(1, len(series))
        for index, one in enumerate(series):
            left = [place - 0.42 + (index + 0.5) * width for place in range(len(places))]
            axes.bar(left, one.values, width=width, color=_SERIES[index % len(_SERIES)], label=one.name)
        axes.set_xticks(range(len(places)), places)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        _count_in_whole_numbers(axes)
        axes.legend(
            frameon=False, labelcolor=_INK, ncols=len(series), loc="lower left", bbox_to_anchor=(0, 1)
        )
    return chart.svg


def reliability_plot(
    title: str, confidence: Sequence[float], frequency: Sequence[float], counts: Sequence[int]
) -> str:
    """What scores promise against what comes true, bin by bin; the diagonal is a promise kept."""
    filled = [index for index, count in enumerate(counts) if count]
    largest = max((counts[index] for index in filled), default=1)
    with _drawing(title) as chart:
        axes = chart.axes
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle="--")
        axes.scatter(
            [confidence[index] for index in filled],
            [frequency[index] for index in filled],
            s=[12 + 120 * counts[index] / largest for index in filled],
            color=_KEPT,
            zorder=2,
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score of the bin", ylabel="share of positives")
    return chart.svg


def curve(title: str, points: Sequence[tuple[float, float]], xlabel: str, ylabel: str, dots: bool) -> str:
    """One line through points; `dots` marks each."""
    with _drawing(title) as chart:
        marker = "o" if dots else None
        chart.axes.plot(*zip(*points, strict=True), color=_KEPT, linewidth=1.4, marker=marker, markersize=4)
        chart.axes.set(xlabel=xlabel, ylabel=ylabel)
        if dots:
            chart.axes.set_xticks([x for x, _ in points])
    return chart.svg


@dataclass(slots=True)
class _Chart:
    """A chart being drawn; `svg` is there when the drawing ends."""

    axes: Axes
    svg: str = ""


@contextmanager
def _drawing(name: str) -> Iterator[_Chart]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=(6.0, 2.7), layout="constrained")
        figure.patch.set_visible(False)
        chart = _Chart(figure.subplots())
        yield chart
        for axes in figure.axes:
            _use_ink(axes)
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        chart.svg = _of_the_page(written.getvalue(), name)


def _share_line(axes: Axes, edges: Sequence[float], shares: Sequence[float]) -> None:
    taken = axes.twinx()
    taken.plot(edges, shares, color=_REMOVED, linewidth=1.2)
    taken.set(ylim=(0, 1.02), ylabel="share at or above")


def _count_in_whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _use_ink(axes: Axes) -> None:
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(_INK)
    axes.tick_params(colors=_INK, length=0)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)


def _of_the_page(svg: str, name: str) -> str:
    """Cut the XML heading, let the size follow the page, and hand colours and fonts over to it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 role="img"', svg, count=1)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for drawn, page in _PAGE_COLOURS.items():
        svg = svg.replace(drawn, page)
    return _own_names(svg, re.sub(r"\W+", "-", name))


def _own_names(svg: str, prefix: str) -> str:
    """Make the ids of a chart its own: several charts stand in one page."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{prefix}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
