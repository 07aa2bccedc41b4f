"""Compare two ways of refining one shard: a DuckDB file and a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from prox_assets.config import Catalogue
from prox_assets.documents.files import replacing
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store, open_store
from prox_assets.errors import InputError
from prox_assets.quality.report.text import FILTERS
from prox_assets.quality.statistics.connection import bounded
from prox_assets.refining import stages as shards
from prox_assets.refining.driver import silent
from prox_assets.refining.models import (
    engine_settings,
    language_of,
    load_chunk_refiner,
    load_document_refiner,
    moved_thresholds,
    rails_of,
)
from prox_assets.review.variants import Side

if TYPE_CHECKING:
    import duckdb


Interval = tuple[int, int]
LEFT, RIGHT, BOTH = "left", "right", "both"


@dataclass(frozen=True, slots=True)
class RemovedText:
    """A stretch of a document that `side` removes: one or both; `call` and `score` are its edit's."""

    side: str
    start: int
    stop: int
    call: str
    score: float | None


def removals(row: Mapping[str, Any], n_chars: int) -> list[RemovedText]:
    """What a row of chunk_refined_corpus removes of its source text; all of it when it was not kept."""
    if row["status"] != "kept":
        return [RemovedText("", 0, n_chars, row["reason"] or row["status"], None)]
    applied = [edit for edit in row["edits"] if edit["outcome"] == "applied"]
    ordered = sorted(applied, key=lambda edit: (edit["start"], edit["stop"]))
    found, at = [], 0
    for edit in ordered:
        start, stop = max(at, edit["start"]), edit["stop"]
        if start < stop:
            found.append(RemovedText("", start, stop, edit["call"], edit["score"]))
            at = stop
    return found


def differences(left: list[RemovedText], right: list[RemovedText]) -> list[RemovedText]:
    """The stretches that only one of them removes, and those of both (with the left's call), in order."""
    only_left = _minus(left, _intervals(right), LEFT)
    only_right = _minus(right, _intervals(left), RIGHT)
    common = _minus(left, [(one.start, one.stop) for one in only_left], BOTH)
    return sorted([*only_left, *only_right, *common], key=lambda one: one.start)


def _intervals(removed: Iterable[RemovedText]) -> list[Interval]:
    return [(one.start, one.stop) for one in removed]


def _minus(removed: Iterable[RemovedText], others: list[Interval], side: str) -> list[RemovedText]:
    return [
        RemovedText(side, start, stop, one.call, one.score)
        for one in removed
        for start, stop in _uncovered(one.start, one.stop, others)
    ]


def _uncovered(start: int, stop: int, others: list[Interval]) -> Iterator[Interval]:
    """The parts of [start, stop) that no other interval covers; these are in order and apart."""
    for low, high in others:
        if high <= start:
            continue
        if low >= stop:
            break
        if start < low:
            yield start, low
        start = max(start, high)
    if start < stop:
        yield start, stop


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
class PagePiece:
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


def _differences(text: str, left: dict[str, Any], right: dict[str, Any]) -> list[RemovedText]:
    return differences(removals(left, len(text)), removals(right, len(text)))


def _document(
    source: dict[str, Any], left: dict[str, Any], right: dict[str, Any], parts: list[RemovedText]
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


def _difference(source: dict[str, Any], part: RemovedText) -> dict[str, Any]:
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
            PagePiece("", text[at : found.start]),
            PagePiece(found.side, text[found.start : found.stop], f"{found.call}{score}"),
        ]
        at = found.stop
    pieces.append(PagePiece("", text[at:]))
    return {**disputed, "pieces": list(_cut([piece for piece in pieces if piece.text]))}


def _cut(pieces: list[PagePiece]) -> Iterator[PagePiece]:
    left = _SHOWN_CHARS
    for piece in pieces:
        if left <= 0:
            yield PagePiece("", " […]")
            return
        yield PagePiece(piece.side, piece.text[:left], piece.label)
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


_TASKS = ("doc_refiner", "chunk_refiner")


@dataclass(frozen=True, slots=True)
class RefinerPair:
    """The checkpoints of a document and a chunk refiner, under a name for people."""

    name: str
    document: Path
    chunk: Path


def present_pair(store: Store, domain: str) -> RefinerPair:
    """The refiners that the domain is refined with. Raises StoreError where there are none."""
    document, chunk = (store.artifact(domain, asset).folder / "checkpoint" for asset in _TASKS)
    return RefinerPair("present", document, chunk)


def other_pair(store: Store, domain: str, document: str = "", chunk: str = "") -> RefinerPair:
    """The refiners to try: checkpoint folders; where one is not named, the newest that is not in use.

    Where the domain has trained no other, it is the present one, so that the other stage is compared alone.
    """
    present = present_pair(store, domain)
    pair = RefinerPair(
        "tried",
        Path(document) if document else _newest_other(present.document),
        Path(chunk) if chunk else _newest_other(present.chunk),
    )
    if (pair.document, pair.chunk) == (present.document, present.chunk):
        raise InputError(
            f"{domain} has no other refiners than the present ones: train some, or name a checkpoint folder."
        )
    return pair


def compare_refiners(
    catalogue: Catalogue,
    domain: str,
    shard: str,
    pairs: tuple[RefinerPair, RefinerPair],
    sample: int,
    folder: Path,
) -> Comparison:
    """Refine the first `sample` documents of a shard with both pairs and compare what they remove.

    The stages of both stand in `folder` too, away from the domain's own. Raises StoreError without raw
    documents.
    """
    raw = open_store(catalogue.storage).shard(ShardKey(domain, "raw_documents", shard))
    left, right = (
        Side(pair.name, _refined(catalogue, raw, pair, sample, Store(folder / pair.name))) for pair in pairs
    )
    return compare(_sampled(raw, sample, Store(folder / pairs[0].name)), left, right, folder)


def _refined(
    catalogue: Catalogue, raw: FinishedShard, pair: RefinerPair, sample: int, store: Store
) -> FinishedShard:
    section, settings = catalogue.domain(raw.key.domain), engine_settings(catalogue.inference)
    documents = load_document_refiner(pair.document, settings)
    chunks = load_chunk_refiner(pair.chunk, settings)
    source = _sampled(raw, sample, store)
    judged = shards.write_doc_programs(store, source, documents, silent)
    kept = shards.write_doc_refined(store, source, judged, section.thresholds.keep, silent)
    language = language_of(section.language)
    edited = shards.write_chunk_programs(store, kept, chunks, silent, language=language)
    rails = rails_of(section.execution)
    moved = moved_thresholds(chunks.refiner.thresholds, section.thresholds, rails)
    return shards.write_chunk_refined(store, kept, edited, pair.document, rails, moved, silent, language)


def _sampled(raw: FinishedShard, sample: int, store: Store) -> FinishedShard:
    """The first documents of a shard as a shard of their own, cut into the same ranges."""
    writer = store.writer(raw.key, {"asset": "raw_documents", "of": raw.fingerprint, "sample": sample})
    left = sample
    for rows in raw.ranges:
        if left <= 0:
            break
        table = raw.read(rows).slice(0, left)
        writer.commit(RowRange(rows.start, rows.stop), table)
        left -= table.num_rows
    return writer.finish()


def _newest_other(present: Path) -> Path:
    others = [path for path in present.parent.parent.glob("*/checkpoint") if path != present]
    return max(others, key=lambda path: path.stat().st_mtime, default=present)
