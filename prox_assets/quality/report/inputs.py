"""What a report is made of: checks, scores, and a deterministic sample of documents in strata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prox_assets.quality.checks.outcomes import ExpectationOutcome
from prox_assets.quality.report.diff import StoredEdit
from prox_assets.quality.statistics.connection import bounded, read_sql, view_files

if TYPE_CHECKING:
    import duckdb


STRATA = {
    "borderline": "keep probability nearest to the threshold",
    "heavily_edited": "most of the text removed",
    "emptied": "nothing worth keeping was left",
    "dropped": "dropped whole",
    "edited": "kept with edits",
    "untouched": "kept as it was",
}
_WEIGHTS = {"borderline": 10, "heavily_edited": 8, "emptied": 4, "dropped": 6, "edited": 8, "untouched": 4}


@dataclass(frozen=True, slots=True)
class ShardTexts:
    """Where the texts of one shard are."""

    shard: str
    raw_documents: tuple[Path, ...]
    chunk_refined_corpus: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One document before and after. `stratum` is a key of `STRATA`."""

    stratum: str
    shard: str
    row: int
    doc_id: str
    status: str
    reason: str | None
    source: str | None
    language: str | None
    url: str | None
    keep_probability: float | None
    tokens_raw: int
    tokens_kept: int
    before: str
    edits: tuple[StoredEdit, ...]


def draw_samples(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    shards: Sequence[ShardTexts],
    size: int,
    seed: int,
    keep_threshold: float,
) -> list[Sample]:
    """Draw about `size` documents of a domain from the statistics database, and fetch their texts.

    The same database, size and seed give the same documents. A document is in one stratum only, the first
    of `STRATA` it falls into.
    """
    parameters = {
        "domain": domain,
        "shards": [shard.shard for shard in shards],
        "seed": str(seed),
        "threshold": keep_threshold,
        **{name: max(1, round(size * weight / sum(_WEIGHTS.values()))) for name, weight in _WEIGHTS.items()},
    }
    cursor = connection.execute(read_sql("report/samples"), parameters)
    names = [column[0] for column in cursor.description]
    drawn = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    texts = {
        (shard.shard, row): found
        for shard in shards
        for row, found in _texts(shard, [one["row"] for one in drawn if one["shard"] == shard.shard]).items()
    }
    return [_sample(one, texts[one["shard"], one["row"]]) for one in drawn]


def _texts(
    shard: ShardTexts, rows: Iterable[int]
) -> dict[int, tuple[str, str | None, list[Mapping[str, Any]]]]:
    wanted = list(rows)
    if not wanted:
        return {}
    with bounded() as connection:
        view_files(connection, "raw_documents", "raw_documents", shard.raw_documents)
        view_files(connection, "chunk_refined_corpus", "chunk_refined_corpus", shard.chunk_refined_corpus)
        found = connection.execute(read_sql("report/texts"), {"rows": wanted}).fetchall()
    return {row: (text, url, edits) for row, text, url, edits in found}


def _sample(drawn: Mapping[str, Any], texts: tuple[str, str | None, list[Mapping[str, Any]]]) -> Sample:
    before, url, edits = texts
    return Sample(**drawn, url=url, before=before, edits=tuple(StoredEdit.of(edit) for edit in edits))


@dataclass(frozen=True, slots=True)
class RefinerCard:
    """What is shown of a refiner: its ``prox.json`` and its curves, as they were read."""

    info: Mapping[str, Any]
    curves: Mapping[str, Any]

    @property
    def task(self) -> str:
        """``document`` or ``chunk``."""
        return str(self.info["task"])

    def threshold(self, name: str) -> float | None:
        """One of the thresholds, where it is set."""
        value = self.info["thresholds"].get(name)
        return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class CheckedShard:
    """The expectations of one asset on one shard."""

    asset: str
    shard: str
    outcomes: tuple[ExpectationOutcome, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Something to go to from the report; `href` is relative to it, or whole."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What a report is made of.

    `database`: the statistics database. `shards`: where texts may be sampled from. `thresholds`: those that
    replaced the refiners' own when programs were executed. `evaluation`: the
    refiners' scores against truth, as the file of `refiner_evaluation` has them; `removal`: what the whole
    pipeline took of held-out documents, in characters. `agreement`: what the file of `teacher_agreement` has.
    `warnings`: sentences for the headline on why the corpus is not to be used as it is.
    """

    domain: str
    database: Path
    shards: tuple[ShardTexts, ...]
    refiners: tuple[RefinerCard, ...] = ()
    thresholds: Mapping[str, float] | None = None
    evaluation: Mapping[str, Any] | None = None
    removal: Mapping[str, float] | None = None
    agreement: Mapping[str, Any] | None = None
    checks: tuple[CheckedShard, ...] = ()
    links: tuple[Link, ...] = ()
    warnings: tuple[str, ...] = ()
    sample_size: int = 100
    seed: int = 0

    def threshold(self, task: str, name: str) -> float | None:
        """The threshold that was in force."""
        moved = (self.thresholds or {}).get(name)
        own = next((card.threshold(name) for card in self.refiners if card.task == task), None)
        return own if moved is None else moved
