"""The figures of a report, read from the statistics database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prox_assets.quality.connection import read_sql

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]
_MOST_REMOVED = 40


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows of the views, as mappings by column, for one domain. Histograms have all 50 bins."""

    totals: Row
    funnel: tuple[Row, ...]
    sources: tuple[Row, ...]
    languages: tuple[Row, ...]
    calls: tuple[Row, ...]
    positions: tuple[Row, ...]
    lengths: tuple[Row, ...]
    costs: tuple[Row, ...]
    scores: Mapping[str, tuple[Row, ...]]
    thresholds: tuple[Row, ...]
    removed: tuple[Row, ...]


def read_figures(connection: duckdb.DuckDBPyConnection, domain: str) -> Figures:
    """Read the figures of a domain from an open statistics database; a domain it lacks has zeros."""

    def rows(name: str, **parameters: int) -> tuple[Row, ...]:
        cursor = connection.execute(read_sql(f"report/{name}"), {"domain": domain, **parameters})
        columns = [column[0] for column in cursor.description]
        return tuple(dict(zip(columns, row, strict=True)) for row in cursor.fetchall())

    scores = rows("scores")
    return Figures(
        totals=rows("totals")[0],
        funnel=rows("funnel"),
        sources=rows("sources"),
        languages=rows("languages"),
        calls=rows("calls"),
        positions=rows("positions"),
        lengths=rows("lengths"),
        costs=rows("costs"),
        scores={kind: tuple(row for row in scores if row["kind"] == kind) for kind in ("document", "line")},
        thresholds=rows("thresholds"),
        removed=rows("removed", most=_MOST_REMOVED),
    )
