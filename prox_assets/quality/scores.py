"""The refiners' scores against truth as the report shows them, beside the baselines on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prox_assets.quality.charts import Series, grouped_bars, reliability_plot

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
