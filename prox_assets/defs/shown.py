"""A few pages before and after, in the metadata of a shard: enough to see at a glance what was done."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from prox_assets.documents.store import FinishedShard
from prox_assets.quality.report.text import code

_PAGES, _EDITS, _CHARS = 3, 4, 90
_BINS, _BAR = 10, 20


def edits_markdown(sources: FinishedShard, refined: FinishedShard) -> str:
    """A table of what was removed from the most edited pages of the first range; a few kilobytes at most."""
    if not refined.ranges:
        return ""
    first = refined.ranges[0]
    texts = dict(zip(*(sources.read(first)[name].to_pylist() for name in ("row", "text")), strict=True))
    pages = [(row, _applied(row)) for row in refined.read(first).to_pylist()]
    most = sorted((page for page in pages if page[1]), key=lambda page: -len(page[1]))[:_PAGES]
    lines = [_line(row, edit, texts[row["row"]]) for row, edits in most for edit in edits[:_EDITS]]
    if not lines:
        return "No page of the first range was edited."
    return "\n".join(["| page | call | score | removed | replacement |", "|---|---|---|---|---|", *lines])


def shares_markdown(values: Sequence[float]) -> str:
    """How numbers from 0 to 1 spread over ten equal bins, as a table with bars."""
    bins = Counter(min(int(value * _BINS), _BINS - 1) for value in values)
    most = max(bins.values(), default=1)
    rows = (
        f"| {place / _BINS:.1f} – {(place + 1) / _BINS:.1f} | {bins[place]:,} "
        f"| {'█' * math.ceil(bins[place] / most * _BAR)} |"
        for place in range(_BINS)
    )
    return "\n".join(["| probability | documents | |", "|---|---|---|", *rows])


def _applied(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [edit for edit in row["edits"] if edit["outcome"] == "applied"]


def _line(row: dict[str, Any], edit: dict[str, Any], text: str) -> str:
    score = "" if edit["score"] is None else f"{edit['score']:.2f}"
    removed, replacement = text[edit["start"] : edit["stop"]], edit["replacement"]
    cells = (
        code(row["doc_id"], _CHARS),
        edit["call"],
        score,
        code(removed, _CHARS),
        code(replacement, _CHARS),
    )
    return f"| {' | '.join(cells)} |"
