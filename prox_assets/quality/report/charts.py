"""The charts of a report as inline SVG, among them the scores against labels and baselines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from prox_assets.quality.report.inputs import RefinerCard, ReportInputs
from prox_assets.quality.statistics.database import Figures

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


OURS = "refiners"
_SYSTEMS = {"rules": "rules teacher", "ngrams": "linear, n-grams"}
_PARTS = {
    "documents": "Documents (keep is positive)",
    "lines": "Lines (noise is positive)",
    "characters": "Characters of documents to be kept (noise is positive, spans included)",
    "programs": "Chunk programs",
}
_SCORES = (
    ("f1", "F1"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("document_f1", "F1, mean over documents"),
    ("best_f1", "F1 at the best threshold for these rows"),
    ("average_precision", "area under precision and recall"),
    ("roc_auc", "area under ROC"),
    ("expected_calibration_error", "calibration error"),
    ("threshold", "threshold"),
    ("kept_share_of_clean", "clean text kept"),
    ("noise_left", "noise in what is left"),
    ("malformed_share", "malformed programs"),
    ("unapplied_share", "calls without effect"),
)
_GROUPINGS = {
    "source": "Source",
    "language": "Language",
    "page_type": "Page type",
    "length": "Length",
    "place": "Place in the page",
}
_QUARTERS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")
_ORDERS: dict[str, Callable[[str], int]] = {
    "length": _QUARTERS.index,
    "place": lambda name: int(name.removesuffix("%")),
}
_MOST_GROUPS = 12


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score of every system, as it is written; `head` rows begin a part."""

    name: str
    values: tuple[str, ...]
    head: bool = False


@dataclass(frozen=True, slots=True)
class GroupTable:
    """F1 of every system by group: the largest groups of `members`, in their order where they have one."""

    title: str
    rows: tuple[ScoreRow, ...]
    members: int


@dataclass(frozen=True, slots=True)
class ScoreView:
    """What the report shows of an evaluation: `systems` head the columns of all rows."""

    systems: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    lines_by: tuple[GroupTable, ...]
    documents_by: tuple[GroupTable, ...]


def score_view(evaluation: Mapping[str, Any] | None) -> ScoreView | None:
    """The tables of an evaluation; None where there is none."""
    sheets = _sheets(evaluation or {})
    rows = tuple(_rows(sheets, (evaluation or {}).get("leads", {})))
    if not rows:
        return None
    by = {part: tuple(_group_tables(sheets, f"{part}_by")) for part in ("lines", "documents")}
    return ScoreView(tuple(sheets), rows, by["lines"], by["documents"])


def score_charts(evaluation: Mapping[str, Any] | None) -> dict[str, str]:
    """Reliability of documents and lines, and what is removed by the place in the page."""
    charts = {}
    for part in ("document", "line"):
        found = (evaluation or {}).get(f"{part}_reliability")
        if found:
            charts[f"{part}_reliability"] = reliability_plot(
                f"{part} reliability", found["confidence"], found["frequency"], found["count"]
            )
    places = (evaluation or {}).get("lines_by", {}).get("place")
    if places:
        charts["places"] = _places(places)
    return charts


def _places(places: Mapping[str, Mapping[str, float]]) -> str:
    ordered = sorted(places, key=_ORDERS["place"])
    series = [
        Series("noise", [100 * places[name]["positive_share"] for name in ordered]),
        Series("removed", [100 * places[name]["predicted_share"] for name in ordered]),
    ]
    return grouped_bars("lines by place", ordered, series, "place of the line in the page", "% of the lines")


def _sheets(evaluation: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    others = {_SYSTEMS.get(name, name): found for name, found in evaluation.get("baselines", {}).items()}
    return {OURS: evaluation} | others


def _rows(sheets: Mapping[str, Mapping[str, Any]], leads: Mapping[str, Any]) -> Iterator[ScoreRow]:
    for part, title in _PARTS.items():
        found = [sheet.get(part, {}) for sheet in sheets.values()]
        if not any(found):
            continue
        yield ScoreRow(title, tuple(_size(one) for one in found), head=True)
        for key, name in _SCORES:
            if any(one.get(key) is not None for one in found):
                yield ScoreRow(name, tuple(_written(one, key) for one in found))
        ahead = [lead.get(part) for lead in leads.values()]
        if any(ahead):
            yield ScoreRow("refiners ahead by, F1", ("", *(_lead(one) for one in ahead)))


def _size(scores: Mapping[str, Any]) -> str:
    for key in ("n_lines", "n_characters", "n_programs", "n", "n_documents"):
        if key in scores:
            return f"{scores[key]:,}"
    return ""


def _written(scores: Mapping[str, Any], key: str) -> str:
    if scores.get(key) is None:
        return ""
    text = f"{scores[key]:.3f}"
    return (
        f"{text} ({scores['f1_low']:.3f}–{scores['f1_high']:.3f})"
        if key == "f1" and "f1_low" in scores
        else text
    )


def _lead(found: Mapping[str, float] | None) -> str:
    return "" if found is None else f"{found['f1']:+.3f} ({found['f1_low']:+.3f} to {found['f1_high']:+.3f})"


def _group_tables(sheets: Mapping[str, Mapping[str, Any]], part: str) -> Iterator[GroupTable]:
    ours = sheets[OURS].get(part, {})
    for grouping, title in _GROUPINGS.items():
        groups = ours.get(grouping, {})
        if len(groups) < 2:
            continue
        largest = sorted(groups, key=lambda name: (-groups[name]["n"], name))[:_MOST_GROUPS]
        if grouping in _ORDERS:
            largest.sort(key=_ORDERS[grouping])
        rows = tuple(
            ScoreRow(f"{name} ({groups[name]['n']:,})", _f1_of(name, grouping, part, sheets.values()))
            for name in largest
        )
        yield GroupTable(title, rows, len(groups))


def _f1_of(group: str, grouping: str, part: str, sheets: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(_of_group(sheet.get(part, {}).get(grouping, {}).get(group, {})) for sheet in sheets)


def _of_group(scores: Mapping[str, Any]) -> str:
    """F1; where nothing is positive it has no meaning, and the share that is called so says it all."""
    if scores.get("positive_share") == 0:
        return f"{scores['predicted_share']:.1%} wrongly"
    return _written(scores, "f1")


_STAGES = {"raw_documents": "raw", "doc_refined_corpus": "after doc", "chunk_refined_corpus": "after chunk"}
_MOST_POINTS = 400


def drawn(inputs: ReportInputs, figures: Figures) -> dict[str, str]:
    """Draw every chart that has data."""
    charts = {
        "document_scores": _scores(
            figures, "document", "keep probability", inputs.threshold("document", "keep")
        ),
        "line_scores": _scores(
            figures, "line", "noise probability of lines", inputs.threshold("chunk", "line")
        ),
        "lengths": _lengths(figures),
        "positions": _positions(figures),
    }
    for card in inputs.refiners:
        charts |= _curves(card)
    charts |= score_charts(inputs.evaluation)
    return {name: svg for name, svg in charts.items() if svg}


def _scores(figures: Figures, kind: str, title: str, threshold: float | None) -> str:
    rows = figures.scores[kind]
    if not any(row["n"] for row in rows):
        return ""
    return histogram(title, [row["n"] for row in rows], [row["share_at_or_above"] for row in rows], threshold)


def _lengths(figures: Figures) -> str:
    if not figures.lengths:
        return ""
    counts = {(row["stage"], row["tokens_from"]): row["documents"] for row in figures.lengths}
    lowest = min(bucket for _, bucket in counts)
    buckets = [lowest]
    while buckets[-1] < max(bucket for _, bucket in counts):
        buckets.append(max(1, 2 * buckets[-1]))
    series = [
        Series(label, [counts.get((stage, bucket), 0) for bucket in buckets])
        for stage, label in _STAGES.items()
    ]
    return grouped_bars(
        "lengths", [_compact(bucket) for bucket in buckets], series, "tokens, from", "documents"
    )


def _positions(figures: Figures) -> str:
    calls = sorted({row["call"] for row in figures.positions})
    if not calls:
        return ""
    removed = {(row["call"], row["tenth"]): row["tokens_removed"] for row in figures.positions}
    series = [Series(call, [removed.get((call, tenth), 0) for tenth in range(10)]) for call in calls[:4]]
    places = [f"{10 * tenth}%" for tenth in range(10)]
    return grouped_bars("positions", places, series, "place of the edit in the page", "tokens removed")


def _curves(card: RefinerCard) -> dict[str, str]:
    steps, epochs = card.curves.get("steps", []), card.curves.get("epochs", [])
    thin = steps[:: max(1, len(steps) // _MOST_POINTS)]
    charts = {}
    if thin:
        loss = [(step["step"], step["loss"]) for step in thin]
        charts[f"{card.task}_loss"] = curve(f"{card.task} loss", loss, "step", "training loss", dots=False)
    if epochs:
        f1 = [(epoch["epoch"], epoch["validation_f1"]) for epoch in epochs]
        charts[f"{card.task}_f1"] = curve(f"{card.task} f1", f1, "epoch", "validation F1", dots=True)
    return charts


def _compact(number: int) -> str:
    for size, name in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if number >= size:
            return f"{number // size} {name}"
    return str(number)
