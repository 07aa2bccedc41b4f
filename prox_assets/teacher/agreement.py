"""Agreement between teachers, runs of one teacher, or a teacher and people, on documents and on lines."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, groupby, islice, zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs import Rails, Stage, applied, execute_chunks, parse
from prox_assets.teacher.interface import ANNOTATED


class Weights(StrEnum):
    """What a disagreement costs: the same always (Cohen 1960), or the square of the distance (Cohen 1968)."""

    EQUAL = "equal"
    QUADRATIC = "quadratic"


def confusion(
    one: Sequence[Hashable], other: Sequence[Hashable], values: Sequence[Hashable]
) -> npt.NDArray[np.int64]:
    """How often the judges gave each pair of values, `(values, values)`; rows are the first judge's."""
    places = {value: place for place, value in enumerate(values)}
    table = np.zeros((len(values), len(values)), np.int64)
    for mine, yours in zip(one, other, strict=True):
        table[places[mine], places[yours]] += 1
    return table


def cohen_kappa(table: npt.NDArray[np.int64], weights: Weights = Weights.EQUAL) -> float | None:
    """Kappa of a confusion table: 1 for full agreement, 0 for chance, below 0 for less than that.

    The values of a quadratic kappa are taken to be equally far apart. None where it is not defined: nothing
    was judged, or both judges gave one and the same value throughout.
    """
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(total, 1)
    places = np.arange(len(table))
    distance = np.abs(places[:, None] - places[None, :])
    cost = distance**2 if weights is Weights.QUADRATIC else (distance > 0).astype(np.int64)
    by_chance = float((cost * expected).sum())
    return None if by_chance == 0 else 1.0 - float((cost * table).sum()) / by_chance


# For each line of a document whether it is noise; None where nobody said, or it has nothing visible.
LineMarks = tuple[bool | None, ...]

_NO_RAILS = Rails(max_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)


@dataclass(frozen=True, slots=True)
class DocumentJudgement:
    """What a teacher says of a document; None where it does not say."""

    keep: bool | None
    educational: float | None
    format: float | None
    justification: str

    def points(self, rubric: str) -> int | None:
        """A rubric's score in whole points from 0 to 5."""
        score = self.educational if rubric == "educational" else self.format
        return None if score is None else min(max(round(score), 0), 5)


def document_judgements(annotations: pa.Table) -> dict[str, DocumentJudgement]:
    """The judgement of each annotated document (DOC_ANNOTATIONS) by its id."""
    return {
        row["doc_id"]: DocumentJudgement(
            row["keep"], row["educational_score"], row["format_score"], row["justification"]
        )
        for row in annotations.to_pylist()
        if row["status"] == ANNOTATED
    }


def line_marks(seeds: pa.Table, annotations: pa.Table) -> dict[str, LineMarks]:
    """The marks of each document with annotated chunks (CHUNK_ANNOTATIONS) by its id.

    A line is noise when its program removes all its visible characters. Lines of chunks without annotation
    and lines that were set aside have no mark.
    """
    texts = dict(zip(seeds["doc_id"].to_pylist(), seeds["text"].to_pylist(), strict=True))
    rows = sorted(
        (row for row in annotations.to_pylist() if row["status"] == ANNOTATED and row["doc_id"] in texts),
        key=lambda row: (row["doc_id"], row["start"]),
    )
    return {
        doc_id: _marks(texts[doc_id], list(group))
        for doc_id, group in groupby(rows, key=lambda row: str(row["doc_id"]))
    }


def chunk_of(row: dict[str, Any]) -> Chunk:
    """The chunk that a row of CHUNK_ANNOTATIONS is about."""
    return Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])


def _marks(text: str, rows: Sequence[dict[str, Any]]) -> LineMarks:
    programs = [(chunk_of(row), parse(row["program"], Stage.CHUNK), None) for row in rows]
    gone = bytearray(len(text))
    for edit in applied(execute_chunks(text, programs, _NO_RAILS).edits):
        gone[edit.start : edit.stop] = b"\1" * (edit.stop - edit.start)
    judged = {line for row in rows for line in range(row["line_start"], row["line_stop"])}
    judged -= {line for row in rows for line in row["ignored_lines"] or ()}
    marks: list[bool | None] = []
    for number, (start, stop) in enumerate(line_spans(text)):
        shown = [at for at in range(start, stop) if not text[at].isspace()]
        marks.append(all(gone[at] for at in shown) if shown and number in judged else None)
    return tuple(marks)


DISAGREEMENTS = 20
_RUBRICS = ("educational", "format")
_POINTS = range(6)
_CONTEXT = 2
_MAX_LINES, _MAX_CHARS = 24, 240


@dataclass(frozen=True, slots=True)
class Annotated:
    """What one judge says of some seeds (DOC_ANNOTATIONS and CHUNK_ANNOTATIONS), under a name of its own."""

    name: str
    documents: pa.Table
    chunks: pa.Table


def agreement(seeds: pa.Table, judges: Sequence[Annotated]) -> dict[str, Any]:
    """Compare every two judges on the seeds that both judged; a JSON object.

    `judges`: their names with how much they annotated. `pairs`: for each two, kappa of each rubric (quadratic
    weights, whole points) and of keep, the share of equal answers, confusion tables, and for lines
    precision, recall and F1 of the second judge's noise against the first's. `disagreements`: up to twenty,
    side by side.
    """
    judged = [_Judged.of(judge, seeds) for judge in judges]
    pairs = list(combinations(judged, 2))
    return {
        "seeds": seeds.num_rows,
        "judges": [one.summary() for one in judged],
        "pairs": [_pair(one, other) for one, other in pairs],
        "disagreements": _disagreements(seeds, pairs),
    }


@dataclass(frozen=True, slots=True)
class _Judged:
    name: str
    documents: Mapping[str, DocumentJudgement]
    lines: Mapping[str, LineMarks]
    failed: int

    @classmethod
    def of(cls, judge: Annotated, seeds: pa.Table) -> "_Judged":
        statuses = judge.documents["status"].to_pylist()
        return cls(
            judge.name,
            document_judgements(judge.documents),
            line_marks(seeds, judge.chunks),
            sum(status != ANNOTATED for status in statuses),
        )

    def summary(self) -> dict[str, Any]:
        kept = [one.keep for one in self.documents.values() if one.keep is not None]
        return {
            "judge": self.name,
            "documents": len(self.documents),
            "without_answer": self.failed,
            "documents_with_lines": len(self.lines),
            "keep_share": sum(kept) / len(kept) if kept else None,
        }


def _pair(one: _Judged, other: _Judged) -> dict[str, Any]:
    both = sorted(one.documents.keys() & other.documents.keys())
    documents = [(one.documents[doc_id], other.documents[doc_id]) for doc_id in both]
    result: dict[str, Any] = {"judges": [one.name, other.name]}
    for rubric in _RUBRICS:
        scores = [(a.points(rubric), b.points(rubric)) for a, b in documents]
        result[rubric] = _compared(scores, _POINTS, Weights.QUADRATIC)
    result["keep"] = _compared([(a.keep, b.keep) for a, b in documents], (True, False), Weights.EQUAL)
    result["lines"] = _lines(one.lines, other.lines)
    return result


def _compared(
    pairs: Sequence[tuple[Hashable, Hashable]], values: Sequence[Hashable], weights: Weights
) -> dict[str, Any]:
    """Kappa and the confusion table of the pairs in which both answered."""
    answered = [(one, other) for one, other in pairs if one is not None and other is not None]
    table = confusion([one for one, _ in answered], [other for _, other in answered], values)
    return {
        "n": len(answered),
        "kappa": cohen_kappa(table, weights),
        "agree": float(table.trace() / table.sum()) if len(answered) else None,
        "values": list(values),
        "confusion": table.tolist(),
    }


def _lines(one: Mapping[str, LineMarks], other: Mapping[str, LineMarks]) -> dict[str, Any]:
    pairs = [
        (mine, yours)
        for doc_id in sorted(one.keys() & other.keys())
        for mine, yours in zip(one[doc_id], other[doc_id], strict=True)
    ]
    result = _compared(pairs, (True, False), Weights.EQUAL)
    (both, only_first), (only_second, _) = result["confusion"]
    first, second = both + only_first, both + only_second
    result["precision"] = both / second if second else None
    result["recall"] = both / first if first else None
    result["f1"] = 2 * both / (first + second) if first + second else None
    return result


def _disagreements(seeds: pa.Table, pairs: Sequence[tuple[_Judged, _Judged]]) -> list[dict[str, Any]]:
    """The worst of each pair in turn: other answers on keep first, then the most lines marked otherwise."""
    texts = dict(zip(seeds["doc_id"].to_pylist(), seeds["text"].to_pylist(), strict=True))
    queues = [[(pair, doc_id) for doc_id in _ranked(*pair)] for pair in pairs]
    turns = (entry for turn in zip_longest(*queues) for entry in turn if entry is not None)
    return [_side_by_side(doc_id, texts[doc_id], pair) for pair, doc_id in islice(turns, DISAGREEMENTS)]


def _ranked(one: _Judged, other: _Judged) -> list[str]:
    """The documents on which two judges differ, the worst first."""
    differences: dict[str, tuple[bool, int]] = {}
    for doc_id in sorted(
        (one.documents.keys() | one.lines.keys()) & (other.documents.keys() | other.lines.keys())
    ):
        keeps = {judge.documents[doc_id].keep for judge in (one, other) if doc_id in judge.documents}
        apart = sum(mine != yours for mine, yours in _marked(one, other, doc_id))
        if len(keeps - {None}) > 1 or apart:
            differences[doc_id] = (len(keeps - {None}) > 1, apart)
    return sorted(differences, key=lambda doc_id: differences[doc_id], reverse=True)


def _marked(one: _Judged, other: _Judged, doc_id: str) -> Iterator[tuple[bool, bool]]:
    """Both marks of each line that both judged."""
    for mine, yours in zip(one.lines.get(doc_id, ()), other.lines.get(doc_id, ()), strict=False):
        if mine is not None and yours is not None:
            yield mine, yours


def _side_by_side(doc_id: str, text: str, pair: tuple[_Judged, _Judged]) -> dict[str, Any]:
    said = [judge.documents.get(doc_id) for judge in pair]
    lines = _excerpt(text, *(judge.lines.get(doc_id, ()) for judge in pair))
    return {
        "doc_id": doc_id,
        "judges": [judge.name for judge in pair],
        "keep": [one.keep if one else None for one in said],
        "educational": [one.educational if one else None for one in said],
        "format": [one.format if one else None for one in said],
        "justification": [one.justification[:_MAX_CHARS] if one else "" for one in said],
        "lines_apart": sum(mine != yours for mine, yours in _marked(*pair, doc_id)),
        "lines": lines,
    }


def _excerpt(text: str, one: LineMarks, other: LineMarks) -> list[dict[str, Any]]:
    """The first lines marked otherwise, with the lines around them; the first lines where none is."""
    lines = text.split("\n")
    marks = list(zip_longest(one or [None] * len(lines), other or [None] * len(lines)))
    apart = [n for n, (mine, yours) in enumerate(marks) if None not in (mine, yours) and mine != yours]
    around = {n for place in apart or [0] for n in range(place - _CONTEXT, place + _CONTEXT + 1)}
    shown = [number for number in sorted(around) if 0 <= number < len(lines)][:_MAX_LINES]
    return [
        {"number": number, "text": lines[number][:_MAX_CHARS], "marks": list(marks[number])}
        for number in shown
    ]
