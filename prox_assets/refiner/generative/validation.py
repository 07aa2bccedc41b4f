"""A generative refiner on the validation rows: F1 after every epoch, and the scores of the card."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.inference import Task
from prox_assets.programs import Stage, parse
from prox_assets.refiner import metrics
from prox_assets.refiner.answers import ChunkResult
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refiner.evaluation import document_metrics, line_metrics
from prox_assets.refiner.examples import labelled_texts
from prox_assets.refiner.gate import Evidence, measured
from prox_assets.refiner.generative.refiners import GenerativeChunkRefiner, GenerativeDocumentRefiner
from prox_assets.refiner.lines import merge_chunks
from prox_assets.refiner.metrics import Bools, Floats, require_numbers
from prox_assets.refiner.truth import line_truth
from prox_assets.refiner.validation import Judged

Scores = dict[str, Any]


def judge_documents(refiner: GenerativeDocumentRefiner, table: pa.Table) -> Judged:
    """Keep probabilities beside the labels of a document table."""
    scores = [score.keep_probability for score in refiner.score(table["text"].to_pylist())]
    return Judged(np.array(scores), np.array(table["keep"].to_pylist(), dtype=np.bool_))


def document_scores(judged: Judged, f1_slack: float) -> tuple[DocumentThresholds, Scores, Evidence]:
    """The threshold that removes least among the good ones, what it reaches, and the evidence for the gate.

    Raises RefinerError where scores are not numbers.
    """
    require_numbers(judged.scores, "keep probabilities")
    good = metrics.good_thresholds(judged.scores, judged.truth, f1_slack)
    threshold = float(good[-1]) if len(good) else 0.5
    scores = asdict(document_metrics(judged.scores, judged.truth, threshold))
    evidence = measured(judged.scores, judged.truth, judged.documents, threshold, Task.DOCUMENT)
    return DocumentThresholds(threshold), scores, evidence


class JudgedPrograms:
    """The programs that a refiner writes for a chunk table, and what they do to lines that count."""

    def __init__(self, refiner: GenerativeChunkRefiner, table: pa.Table) -> None:
        rows = labelled_texts(table)
        results = refiner.refine([row.text for row in rows])
        truths = [line_truth(row) for row in rows]
        scores = [_line_scores(row.text, chunks) for row, chunks in zip(rows, results, strict=True)]
        counting = [one[counts] for one, (_, counts) in zip(scores, truths, strict=True)]
        self._chunks = [chunk for chunks in results for chunk in chunks]
        self._documents = len(rows)
        self._scores: Floats = np.concatenate(counting)
        self._truth: Bools = np.concatenate([noise[counts] for noise, counts in truths])
        self._document = np.repeat(np.arange(len(rows)), [len(one) for one in counting])

    def f1(self) -> float:
        """Line F1."""
        return metrics.at_threshold(self._scores, self._truth, 0.5).f1

    def scores(self) -> tuple[ChunkThresholds, Scores, Evidence]:
        """Line scores, how well-formed and how long the programs are, and the evidence for the gate.

        A line is removed or is not, so the area under the ROC curve is the mean of the two classes' recalls.
        """
        programs = [parse(chunk.program_text, Stage.CHUNK) for chunk in self._chunks]
        pairs = list(zip(programs, self._chunks, strict=True))
        lines = asdict(line_metrics(self._scores, self._truth, 0.5, self._documents))
        evidence = measured(self._scores, self._truth, self._document, 0.5, Task.CHUNK)
        programs_scores = lines | {
            "n_programs": len(programs),
            "malformed_share": _mean([bool(program.refusals) or not program.calls for program in programs]),
            "cut_off_share": _mean([chunk.error is not None for _, chunk in pairs]),
            "calls_per_program": _mean([len(program.calls) for program in programs]),
        }
        return ChunkThresholds(), programs_scores, evidence


def _line_scores(text: str, chunks: Sequence[ChunkResult]) -> Floats:
    parts = ((one.chunk, one.n_tokens, one.line_scores) for one in chunks)
    return merge_chunks(text.count("\n") + 1, parts)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
