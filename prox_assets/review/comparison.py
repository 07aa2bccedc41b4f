"""Two ways of refining one shard, as a DuckDB file and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from prox_assets.documents.files import replacing
from prox_assets.documents.store import FinishedShard
from prox_assets.errors import InputError
from prox_assets.quality.connection import bounded
from prox_assets.quality.wording import FILTERS
from prox_assets.review.differences import BOTH, LEFT, RIGHT, Removed, differences, removals
from prox_assets.review.sides import Side

if TYPE_CHECKING:
    import duckdb

_MOST = 30
_DOCUMENTS = 20
_TEXT_CHARS = 400
_SHOWN_CHARS = 6_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """The files that a comparison wrote, and its one-row summary."""

    database: Path
    page: Path
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a document on the page: `side` removes it, or nobody where it is empty."""

    side: str
    text: str
    label: str = ""


def compare(raw: FinishedShard, left: Side, right: Side, folder: Path) -> Comparison:
    """Write `comparison.duckdb` and `comparison.html` into `folder`. Memory is bounded by a row range.

    Raises:
        InputError: the two are not of the same documents.
    """
    database, page = folder / "comparison.duckdb", folder / "comparison.html"
    with replacing(database) as temporary, bounded(temporary) as connection:
        connection.execute(_sql("tables"))
        for name, side in ((LEFT, left), (RIGHT, right)):
            connection.execute(
                "INSERT INTO sides VALUES (?, ?, ?)", [name, side.name, side.refined.fingerprint]
            )
        for documents, found in _compared(raw, left.refined, right.refined):
            _insert(connection, "documents", documents)
            _insert(connection, "differences", found)
        connection.execute(_sql("views"))
        views = {name: _rows(connection, name) for name in ("summary", "fates", "by_language")}
        texts = {side: _rows(connection, "most_disputed_texts", side) for side in (LEFT, RIGHT)}
        disputed = _rows(connection, "most_disputed_documents")
        connection.execute("CHECKPOINT")
    with replacing(page) as temporary:
        shown = [_shown(raw, left.refined, right.refined, one) for one in disputed[:_DOCUMENTS]]
        temporary.write_text(
            _rendered(raw=raw, left=left, right=right, texts=texts, documents=shown, **views),
            encoding="utf-8",
        )
    return Comparison(database, page, views["summary"][0])


def _compared(
    raw: FinishedShard, left: FinishedShard, right: FinishedShard
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """For each range the rows of `documents` and of `differences`."""
    if not raw.ranges == left.ranges == right.ranges:
        raise InputError(
            f"{left.folder} and {right.folder} are not of the same row ranges; compare one shard."
        )
    for part in raw.ranges:
        documents, found = [], []
        tables = (raw.read(part), left.read(part), right.read(part))
        for source, one, other in zip(*(table.to_pylist() for table in tables), strict=True):
            if not source["doc_id"] == one["doc_id"] == other["doc_id"]:
                raise InputError(
                    f"row {source['row']} is {one['doc_id']} and {other['doc_id']}: not one corpus."
                )
            parts = _differences(source["text"], one, other)
            documents.append(_document(source, one, other, parts))
            found += [_difference(source, part) for part in parts if part.side != BOTH]
        yield documents, found


def _differences(text: str, left: dict[str, Any], right: dict[str, Any]) -> list[Removed]:
    return differences(removals(left, len(text)), removals(right, len(text)))


def _document(
    source: dict[str, Any], left: dict[str, Any], right: dict[str, Any], parts: list[Removed]
) -> dict[str, Any]:
    sizes = {
        side: sum(part.stop - part.start for part in parts if part.side == side)
        for side in (BOTH, LEFT, RIGHT)
    }
    return {
        **{name: source[name] for name in ("row", "doc_id", "source", "language")},
        "left_status": left["status"],
        "right_status": right["status"],
        "n_chars": len(source["text"]),
        **{f"removed_by_{side}": size for side, size in sizes.items()},
    }


def _difference(source: dict[str, Any], part: Removed) -> dict[str, Any]:
    return {
        "row": source["row"],
        "doc_id": source["doc_id"],
        "side": part.side,
        "start": part.start,
        "stop": part.stop,
        "call": part.call,
        "score": part.score,
        "text": source["text"][part.start : part.stop][:_TEXT_CHARS],
    }


def _shown(
    raw: FinishedShard, left: FinishedShard, right: FinishedShard, disputed: dict[str, Any]
) -> dict[str, Any]:
    """A document cut into pieces, for the page."""
    part = next(part for part in raw.ranges if part.start <= disputed["row"] < part.stop)
    tables = (shard.read(part) for shard in (raw, left, right))
    source, one, other = (
        next(row for row in table.to_pylist() if row["row"] == disputed["row"]) for table in tables
    )
    text, at, pieces = source["text"], 0, []
    for found in _differences(text, one, other):
        score = "" if found.score is None else f", score {found.score:.2f}"
        pieces += [
            Piece("", text[at : found.start]),
            Piece(found.side, text[found.start : found.stop], f"{found.call}{score}"),
        ]
        at = found.stop
    pieces.append(Piece("", text[at:]))
    return {**disputed, "pieces": list(_cut([piece for piece in pieces if piece.text]))}


def _cut(pieces: list[Piece]) -> Iterator[Piece]:
    left = _SHOWN_CHARS
    for piece in pieces:
        if left <= 0:
            yield Piece("", " […]")
            return
        yield Piece(piece.side, piece.text[:left], piece.label)
        left -= len(piece.text)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.from_arrow(pa.Table.from_pylist(rows)).insert_into(table)


def _rows(connection: duckdb.DuckDBPyConnection, view: str, side: str | None = None) -> list[dict[str, Any]]:
    condition, parameters = ("WHERE side = ?", [side]) if side else ("", [])
    cursor = connection.execute(f"SELECT * FROM {view} {condition} LIMIT {_MOST}", parameters)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _sql(name: str) -> str:
    return (resources.files("prox_assets.review") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _rendered(**values: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("prox_assets.review"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    style = (resources.files("prox_assets.quality") / "templates" / "report.css").read_text("utf-8")
    return environment.get_template("comparison.html").render(style=Markup(style), **values)
