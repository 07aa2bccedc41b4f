"""Scores of decisions by source, with intervals over resampled sites."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.real_pages.pages import Pages
from prox_assets.refiner import metrics
from prox_assets.refiner.metrics import Bools, Floats, Hits, f1_difference, f1_interval, hits

Decided = dict[str, Floats]
"""By system, for each line that counts: 1 where it goes, 0 where it stays, NaN where nobody was asked."""


def by_source(
    pages: Pages, decided: Decided, rules: dict[str, Bools], folds: Sequence[int]
) -> dict[str, Any]:
    """The scores of all lines, of the strict ones, and of each source."""
    scored = pages.of_lines(np.isin(pages.fold, folds))
    sources = pages.lines.groups["source"]
    groups = {"all": scored, "strict": scored & pages.of_lines(pages.strict)}
    groups |= {name: scored & (sources == name) for name in sorted(set(sources[scored]))}
    return {name: _scores(pages, rows, decided, rules) for name, rows in groups.items()}


def f1_of(decided: Floats, truth: Bools) -> float:
    """Micro F1 of the noise class."""
    return metrics.at_threshold(decided, truth, 0.5).f1


def _scores(pages: Pages, rows: Bools, decided: Decided, rules: dict[str, Bools]) -> dict[str, Any]:
    truth = pages.lines.truth
    result: dict[str, Any] = {
        "pages": len(np.unique(pages.lines.document[rows])),
        "sites": len(np.unique(_sites(pages, rows))),
        "lines": int(rows.sum()),
        "noise_share": round(float(truth[rows].mean()), 3),
    }
    for name, values in decided.items():
        here = rows & ~np.isnan(values)
        if here.any():
            result[name] = _score(pages, here, values)
            if name not in ("rules", "ngrams"):
                result[name]["lead"] = _lead(pages, here, values, decided["ngrams"])
    best = max(rules, key=lambda name: f1_of(rules[name][rows] * 1.0, truth[rows]))
    result["best rule"] = {"rule": best} | _score(pages, rows, rules[best] * 1.0)
    return result


def _score(pages: Pages, rows: Bools, values: Floats) -> dict[str, Any]:
    found = _hits(pages, rows, values)
    cut = asdict(metrics.at_threshold(values[rows], pages.lines.truth[rows], 0.5))
    sizes = {"sites": len(found.right), "lines": int(rows.sum())}
    return {name: round(value, 3) for name, value in (cut | asdict(f1_interval(found))).items()} | sizes


def _lead(pages: Pages, rows: Bools, ours: Floats, theirs: Floats) -> dict[str, float]:
    interval = f1_difference(_hits(pages, rows, ours), _hits(pages, rows, theirs))
    one, other = (f1_of(values[rows], pages.lines.truth[rows]) for values in (ours, theirs))
    found = {"f1": one - other} | asdict(interval)
    return {name: round(value, 3) for name, value in found.items()}


def _hits(pages: Pages, rows: Bools, values: Floats) -> Hits:
    number = np.unique(_sites(pages, rows), return_inverse=True)[1]
    return hits(values[rows] > 0.5, pages.lines.truth[rows], number, int(number.max()) + 1)


def _sites(pages: Pages, rows: Bools) -> np.ndarray:
    of_rows: np.ndarray = pages.site[pages.lines.document[rows]]
    return of_rows
