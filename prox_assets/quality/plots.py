"""The charts of a report, by name. A chart without data is left out."""

from __future__ import annotations

from prox_assets.quality.charts import Series, curve, grouped_bars, histogram
from prox_assets.quality.figures import Figures
from prox_assets.quality.report_inputs import RefinerCard, ReportInputs
from prox_assets.quality.scores import score_charts

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
