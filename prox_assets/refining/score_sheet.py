"""One system's scores on labelled documents, in the one form that refiners and baselines share."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.refiner import metrics
from prox_assets.refiner.bootstrap import f1_difference, hits
from prox_assets.refiner.evaluation import (
    decision_metrics,
    decisions_by,
    document_metrics,
    line_decisions,
    line_metrics,
)
from prox_assets.refiner.labelled_lines import (
    LabelledLines,
    Names,
    document_groups,
    document_text,
    labelled_lines,
)
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.refiner.visible import Ints
from prox_assets.refining.judged_programs import ProgramMetrics
from prox_assets.refining.removal import RemovalMetrics, character_truth, removal_metrics

Sheet = dict[str, Any]
"""Plain values: `documents` and `lines`, each with `…_by` and `…_reliability`; `characters`; `programs`."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a system decides, with the scores and the threshold behind it where it has any.

    `positive` and `scores` are `(rows,)`: lines to remove, or documents to keep.
    """

    positive: Bools
    scores: Floats | None = None
    threshold: float = 0.5

    @classmethod
    def at(cls, scores: Floats, threshold: float) -> "Decisions":
        """The decisions that follow from scores."""
        return cls(scores >= threshold, scores, threshold)


@dataclass(frozen=True, slots=True)
class Answers:
    """What one system says of labelled pages: `documents` of those judged as a whole (None without any),
    `lines` of those that count; `removed` characters of each page to be kept.
    """

    documents: Decisions | None
    lines: Decisions | None
    removed: Sequence[Bools]
    programs: ProgramMetrics | None = None


@dataclass(frozen=True, slots=True)
class LabelledPages:
    """The rows that every system is scored on.

    `judged`: labels of documents with a word on the whole (`keep`); `kept`: those whose lines count, because
    they are to be kept: a chunk refiner never meets the others. `lines` is None when there are none.
    """

    judged: pa.Table
    keep: Bools
    document_groups: Mapping[str, Names]
    kept: pa.Table
    lines: LabelledLines | None

    @classmethod
    def of(cls, labels: pa.Table) -> "LabelledPages":
        """Sort a labels table."""
        judged, kept = labels.slice(0, 0), labels
        if "keep" in labels.column_names:
            judged = labels.filter(pc.is_valid(labels["keep"]))
            kept = labels.filter(pc.fill_null(labels["keep"], True))
        keep = judged["keep"].to_pylist() if judged.num_rows else []
        return cls(
            judged,
            np.array(keep, dtype=np.bool_),
            document_groups(judged.to_pylist(), page_texts(judged)),
            kept,
            labelled_lines(kept) if kept.num_rows else None,
        )


def page_texts(labels: pa.Table) -> list[str]:
    """The documents of a labels table."""
    return [document_text(row) for row in labels.to_pylist()]


def sheet(pages: LabelledPages, answers: Answers) -> Sheet:
    """All scores of one system."""
    result: Sheet = {}
    if answers.documents is not None:
        result |= _document_scores(pages, answers.documents)
    if pages.lines is not None and answers.lines is not None:
        result |= _line_scores(pages.lines, answers.lines)
        result["characters"] = asdict(_characters(pages.kept, answers.removed))
    if answers.programs is not None:
        result["programs"] = asdict(answers.programs)
    return result


def compared(pages: LabelledPages, ours: Answers, baselines: Mapping[str, Answers]) -> Sheet:
    """Our scores, those of each baseline on the same rows, and how far ahead of each we are."""
    return sheet(pages, ours) | {
        "baselines": {name: sheet(pages, theirs) for name, theirs in baselines.items()},
        "leads": {name: leads(pages, ours, theirs) for name, theirs in baselines.items()},
    }


def leads(pages: LabelledPages, ours: Answers, theirs: Answers) -> dict[str, dict[str, float]]:
    """By how much F1 `ours` is ahead, and the middle 95% of that over resampled documents."""
    result = {}
    if ours.documents is not None and theirs.documents is not None:
        numbers = np.arange(len(pages.keep))
        result["documents"] = _lead(ours.documents, theirs.documents, pages.keep, numbers)
    if pages.lines is not None and ours.lines is not None and theirs.lines is not None:
        result["lines"] = _lead(ours.lines, theirs.lines, pages.lines.truth, pages.lines.document)
    return result


def _lead(ours: Decisions, theirs: Decisions, truth: Bools, document: Ints) -> dict[str, float]:
    size = int(document.max(initial=-1)) + 1
    one, other = (hits(decisions.positive, truth, document, size) for decisions in (ours, theirs))
    interval = f1_difference(one, other)
    f1 = [decision_metrics(decisions.positive, truth, document).f1 for decisions in (ours, theirs)]
    return {"f1": f1[0] - f1[1], "f1_low": interval.low, "f1_high": interval.high}


def _document_scores(pages: LabelledPages, found: Decisions) -> Sheet:
    numbers = np.arange(len(pages.keep))
    values = asdict(decision_metrics(found.positive, pages.keep, numbers))
    del values["document_f1"]
    result: Sheet = {"documents": values}
    if found.scores is not None:
        values |= asdict(document_metrics(found.scores, pages.keep, found.threshold))
        result["document_reliability"] = asdict(metrics.reliability(found.scores, pages.keep))
    result["documents_by"] = _plain(decisions_by(found.positive, pages.keep, numbers, pages.document_groups))
    return result


def _line_scores(lines: LabelledLines, found: Decisions) -> Sheet:
    values = asdict(line_decisions(found.positive, lines))
    result: Sheet = {"lines": values}
    if found.scores is not None:
        values |= asdict(line_metrics(found.scores, lines.truth, found.threshold, values["n_documents"]))
        result["line_reliability"] = asdict(metrics.reliability(found.scores, lines.truth))
    result["lines_by"] = _plain(decisions_by(found.positive, lines.truth, lines.document, lines.groups))
    return result


def _characters(kept: pa.Table, removed: Sequence[Bools]) -> RemovalMetrics:
    return removal_metrics(
        (gone, character_truth(row)) for gone, row in zip(removed, kept.to_pylist(), strict=True)
    )


def _plain(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        name: {group: asdict(found) for group, found in members.items()} for name, members in groups.items()
    }
