"""The metrics report of a system on labelled documents: lines, documents, programs, removed text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.arrays import Ints
from prox_assets.chunking import Chunk, line_spans
from prox_assets.documents.store import FinishedShard
from prox_assets.errors import InputError
from prox_assets.programs import Execution, Outcome, Rails, Stage, Status, execute_chunks, parse
from prox_assets.refiner import metrics
from prox_assets.refiner.evaluation import (
    LabelledLines,
    Names,
    decision_metrics,
    decisions_by,
    document_groups,
    document_metrics,
    document_text,
    labelled_lines,
    line_decisions,
    line_metrics,
)
from prox_assets.refiner.metrics import Bools, Floats, f1_difference, hits, require_numbers
from prox_assets.refiner.scoring.predictions import ChunkResult
from prox_assets.refiner.scoring.windows import merge_chunks
from prox_assets.refining.document_stage import KEPT
from prox_assets.refining.models import AnyChunkRefiner, AnyDocumentRefiner
from prox_assets.teacher.label_files import label_table


@dataclass(frozen=True, slots=True)
class ProgramMetrics:
    """How chunk programs fared: a malformed one has something that the parser refused; of the calls,
    `unapplied_share` changed nothing when they ran (no match, out of range, a guard rail).
    """

    n_programs: int
    malformed_share: float
    n_calls: int
    unapplied_share: float


@dataclass(frozen=True, slots=True)
class JudgedPrograms:
    """The programs of one document: what they removed, `(characters,)`, and how many of them and of their
    edits were no good.
    """

    removed: Bools
    n_programs: int
    n_malformed: int
    n_edits: int
    n_unapplied: int


def judge_programs(text: str, programs: Sequence[tuple[Chunk, str]], rails: Rails) -> JudgedPrograms:
    """Execute the programs of one document as the corpus stage does."""
    parsed = [(chunk, parse(program, Stage.CHUNK)) for chunk, program in programs]
    done = execute_chunks(text, [(chunk, program, None) for chunk, program in parsed], rails)
    return JudgedPrograms(
        _removed(done, len(text)),
        len(parsed),
        sum(bool(program.refusals) for _, program in parsed),
        len(done.edits),
        sum(edit.outcome not in (Outcome.APPLIED, Outcome.KEPT) for edit in done.edits),
    )


def program_metrics(judged: Sequence[JudgedPrograms]) -> ProgramMetrics:
    """The metrics over all documents."""
    programs, edits = sum(one.n_programs for one in judged), sum(one.n_edits for one in judged)
    return ProgramMetrics(
        programs,
        sum(one.n_malformed for one in judged) / max(programs, 1),
        edits,
        sum(one.n_unapplied for one in judged) / max(edits, 1),
    )


def _removed(done: Execution, length: int) -> Bools:
    gone = np.full(length, done.status is not Status.KEPT, dtype=np.bool_)
    for edit in done.edits:
        if edit.outcome == Outcome.APPLIED:
            gone[edit.start : edit.stop] = True
    return gone


@dataclass(frozen=True, slots=True)
class RemovalMetrics:
    """Visible characters that should go against those that went.

    `kept_share_of_clean` is what a training run gets of the clean text, `noise_left` the share of noise in
    what is left.
    """

    precision: float
    recall: float
    f1: float
    kept_share_of_clean: float
    noise_left: float
    n_documents: int
    n_characters: int


@dataclass(frozen=True, slots=True)
class CharacterTruth:
    """Which characters of a document are noise, and which count: visible, and not in ambiguous lines."""

    noise: Bools
    counts: Bools


def removal_metrics(documents: Iterable[tuple[Bools, CharacterTruth]]) -> RemovalMetrics:
    """Compare what was removed of each document, `(characters,)`, with the truth."""
    right = wanted = removed = total = number = 0
    for gone, truth in documents:
        noise, went = truth.noise & truth.counts, gone & truth.counts
        right += int((went & noise).sum())
        wanted += int(noise.sum())
        removed += int(went.sum())
        total += int(truth.counts.sum())
        number += 1
    precision = right / removed if removed else 0.0
    recall = right / wanted if wanted else 0.0
    clean, left = total - wanted, total - removed
    return RemovalMetrics(
        precision,
        recall,
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        (clean - (removed - right)) / clean if clean else 0.0,
        (wanted - right) / left if left else 0.0,
        number,
        total,
    )


def character_truth(label: Mapping[str, Any]) -> CharacterTruth:
    """What a labels row says of each character: noise lines, and `spans` inside the others where it has any.

    All of a document that is to be dropped is noise.
    """
    text = "\n".join(label["lines"])
    counts = np.array([not character.isspace() for character in text], dtype=np.bool_)
    noise = lines_mask(text, label["is_noise"])
    unsure: Sequence[bool] = label.get("ambiguous") or ()
    if unsure:
        counts &= ~lines_mask(text, unsure)
    starts = line_spans(text)
    for span in label.get("spans") or ():
        first = starts[span["line"]][0]
        noise[first + span["start"] : first + span["stop"]] = True
    if label.get("keep") is False:
        noise[:] = True
    return CharacterTruth(noise, counts)


def lines_mask(text: str, chosen: Sequence[bool] | Bools) -> Bools:
    """The characters of the chosen lines, `(characters,)`."""
    mask = np.zeros(len(text), dtype=np.bool_)
    for (start, stop), one in zip(line_spans(text), chosen, strict=True):
        mask[start:stop] = one
    return mask


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


_BATCH = 256


def read_labels(file: Path, ids: set[str], limit: int) -> pa.Table:
    """The labels of the documents `ids` of a file, the first `limit` of them (see `label_table`)."""
    return label_table(file, ids, limit)


def refiner_answers(
    documents: AnyDocumentRefiner, chunks: AnyChunkRefiner, pages: LabelledPages, rails: Rails
) -> Answers:
    """What both refiners say of labelled pages, at their thresholds; each page goes through a model once."""
    keep = None
    if pages.judged.num_rows:
        scores = [one for part in _parts(page_texts(pages.judged)) for one in documents.score(part)]
        probabilities = np.array([score.keep_probability for score in scores])
        require_numbers(probabilities, "keep probabilities")
        keep = Decisions.at(probabilities, documents.thresholds.keep)
    texts = page_texts(pages.kept)
    results = [found for part in _parts(texts) for found in chunks.refine(part)]
    judged = [
        judge_programs(text, [(one.chunk, one.program_text) for one in found], rails)
        for text, found in zip(texts, results, strict=True)
    ]
    lines = None
    if pages.lines is not None:
        lines = Decisions.at(pages.lines.chosen(_refiner_line_scores(texts, results)), chunks.line_threshold)
    return Answers(keep, lines, [one.removed for one in judged], program_metrics(judged))


def evaluate_corpus(
    refined: Iterable[FinishedShard], sources: Iterable[FinishedShard], labels: pa.Table
) -> RemovalMetrics:
    """Compare what the pipeline removed with what the labels call noise, character by character.

    Lines that the labels call ambiguous do not count; whole documents that went count with all they had.
    """
    truth = {row["id"]: row for row in labels.to_pylist()}
    return removal_metrics(
        (_removed_mask(row, len(text)), character_truth(truth[row["doc_id"]]))
        for text, row in _refined_texts(refined, sources, truth)
    )


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (texts[first : first + _BATCH] for first in range(0, len(texts), _BATCH))


def _refiner_line_scores(texts: Sequence[str], results: Sequence[Sequence[ChunkResult]]) -> list[Floats]:
    """The scores of all lines of each text."""
    return [
        merge_chunks(text.count("\n") + 1, ((one.chunk, one.n_tokens, one.line_scores) for one in chunks))
        for text, chunks in zip(texts, results, strict=True)
    ]


def _refined_texts(
    refined: Iterable[FinishedShard], sources: Iterable[FinishedShard], truth: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for after, before in zip(refined, sources, strict=True):
        for part in after.ranges:
            texts = before.read(part).column("text")
            for text, row in zip(texts, after.read(part).drop_columns(["text"]).to_pylist(), strict=True):
                if row["doc_id"] in truth:
                    yield _same_text(text.as_py(), truth[row["doc_id"]]), row


def _same_text(text: str, label: dict[str, Any]) -> str:
    if text != "\n".join(label["lines"]):
        raise InputError(
            f"document {label['id']}: the labelled lines are not those of the corpus; label this text anew."
        )
    return text


def _removed_mask(row: dict[str, Any], length: int) -> Bools:
    gone = np.full(length, row["status"] != KEPT, dtype=np.bool_)
    for edit in row["edits"]:
        if edit["outcome"] == Outcome.APPLIED:
            gone[edit["start"] : edit["stop"]] = True
    return gone
