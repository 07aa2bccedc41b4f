"""The document stage: a program for every document, and the documents after the programs ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.documents.schema import DOC_PROGRAMS, DOC_REFINED, RAW
from prox_assets.programs import Stage, Verdict, execute_document, parse
from prox_assets.refiner.checkpoint import DocumentThresholds
from prox_assets.refiner.scoring.predictions import DocumentScore, document_program
from prox_assets.refiner.scoring.refiner import (
    DocumentRefiner,
    PreparedDocument,
    prepare_documents,
    tokenizer_of,
)
from prox_assets.refining.driver import PartResult, Work

OK, FAILED = "ok", "failed"
KEPT, DROPPED = "kept", "dropped"
REFINER_FAILED = "refiner_failed"


@dataclass(frozen=True, slots=True)
class DocumentPreparation:
    """Tokenizes the documents of a range for the refiner in `checkpoint`."""

    checkpoint: Path
    window: int

    def __call__(self, raw: pa.Table) -> list[PreparedDocument]:
        """One prepared document for each row."""
        return prepare_documents(tokenizer_of(self.checkpoint), self.window, raw["text"].to_pylist())


@dataclass(frozen=True, slots=True)
class DocumentDecisions:
    """Writes each scored document's program."""

    thresholds: DocumentThresholds

    def __call__(
        self, prepared: Sequence[PreparedDocument], scores: Sequence[DocumentScore], raw: pa.Table
    ) -> PartResult:
        """The programs of a range (`DOC_PROGRAMS`).

        A document without tokens, or whose score is not a number, cannot be judged: its row is `failed` with
        an empty program.
        """
        named = zip(raw["row"].to_pylist(), raw["doc_id"].to_pylist(), scores, strict=True)
        rows = [self._row(row, doc_id, score) for row, doc_id, score in named]
        tokens = sum(document.n_tokens_seen for document in prepared)
        cost = {"documents": len(rows), "tokens_in": tokens}
        return PartResult(pa.Table.from_pylist(rows, DOC_PROGRAMS), cost)

    def _row(self, row: int, doc_id: str, score: DocumentScore) -> dict[str, Any]:
        failure = score.failure
        return {
            "row": row,
            "doc_id": doc_id,
            "keep_probability": None if failure else score.keep_probability,
            "program": document_program(score, self.thresholds),
            "n_tokens": score.n_tokens,
            "n_tokens_seen": score.n_tokens_seen,
            "status": FAILED if failure else OK,
            "error": failure,
        }


def scored_document_work(checkpoint: Path, refiner: DocumentRefiner) -> Work[Any, Any]:
    """The steps of writing document programs with the refiner that was loaded from `checkpoint`."""
    return Work(
        DocumentPreparation(checkpoint, refiner.window),
        refiner.score_prepared,
        DocumentDecisions(refiner.thresholds),
    )


def execute_programs(keep_threshold: float | None, raw: pa.Table, programs: pa.Table) -> PartResult:
    """Run the document programs of a range (`DOC_REFINED`); dropped documents keep their row, without text.

    `keep_threshold` decides by the stored probability instead of the program, so that a threshold can move
    without a model. A document whose program failed or decides nothing is kept, and its reason says so.
    """
    rows = []
    for document, judged in zip(raw.to_pylist(), programs.to_pylist(), strict=True):
        status, reason = _decide(judged, keep_threshold)
        kept = {name: document[name] for name in RAW.names}
        if status == DROPPED:
            kept["text"] = ""
        rows.append(
            {
                **kept,
                "status": status,
                "reason": reason,
                "n_tokens": judged["n_tokens"],
                "keep_probability": judged["keep_probability"],
            }
        )
    return PartResult(pa.Table.from_pylist(rows, DOC_REFINED), {"documents": len(rows)})


def _decide(judged: dict[str, Any], keep_threshold: float | None) -> tuple[str, str]:
    if judged["status"] != OK:
        return KEPT, REFINER_FAILED
    if keep_threshold is not None and judged["keep_probability"] is not None:
        return (KEPT, "") if judged["keep_probability"] >= keep_threshold else (DROPPED, Verdict.DROP.value)
    decision = execute_document(parse(judged["program"], Stage.DOCUMENT))
    if not decision.keep:
        return DROPPED, Verdict.DROP.value
    return KEPT, "" if decision.outcome is Verdict.KEEP else decision.outcome.value
