"""What counts the tokens of all accounts: the tokenizer of the domain's document refiner, of either kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.chunking import Chunk
from prox_assets.documents.schema import CHUNK_PROGRAMS, CHUNK_REFINED, RAW
from prox_assets.programs import Edit, Execution, Outcome, Program, Rails
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.scoring.predictions import ChunkResult, chunk_result, edit_program
from prox_assets.refiner.scoring.refiner import ChunkRefiner, prepare_chunks, tokenizer_of
from prox_assets.refiner.scoring.windows import NoiseSpan, Window
from prox_assets.refiner.thresholds import Calibration
from prox_assets.refiner.tokenization import Ints
from prox_assets.refining.document_stage import DROPPED, FAILED, KEPT, OK, REFINER_FAILED
from prox_assets.refining.driver import PartResult, Work


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """The tokenizer of a checkpoint; its model is not loaded."""

    checkpoint: Path

    def token_starts(self, texts: Sequence[str]) -> list[Ints]:
        """The character at which each token of each text starts, ascending, `(tokens,)` each."""
        return [tokens.starts for tokens in tokenizer_of(self.checkpoint)(texts)]


ScoredChunk = tuple[Chunk, Program, Sequence[float] | None]


@dataclass(frozen=True, slots=True)
class ChunkPreparation:
    """Tokenizes the kept documents of a range and cuts them for the refiner in `checkpoint`."""

    checkpoint: Path
    window: int
    overlap: int = 0

    def __call__(self, documents: pa.Table) -> list[list[Window]]:
        """The windows of each kept document."""
        texts = [row["text"] for row in kept_documents(documents)]
        return prepare_chunks(tokenizer_of(self.checkpoint), self.window, texts, self.overlap)


@dataclass(frozen=True, slots=True)
class ChunkEditing:
    """Writes the programs of a range's chunks from the noise probabilities of their tokens."""

    thresholds: ChunkThresholds
    calibration: Calibration

    def __call__(
        self, prepared: Sequence[Sequence[Window]], answers: Sequence[Sequence[Floats]], documents: pa.Table
    ) -> PartResult:
        """The programs of a range (`CHUNK_PROGRAMS`)."""
        kept = kept_documents(documents)
        results = [
            [
                chunk_result(row["text"], *scored, self.thresholds, self.calibration)
                for scored in zip(cut, answer, strict=True)
            ]
            for row, cut, answer in zip(kept, prepared, answers, strict=True)
        ]
        rows = [
            program_row(document, chunk)
            for document, chunks in zip(kept, results, strict=True)
            for chunk in chunks
        ]
        cost = {
            "documents": len(kept),
            "tokens_in": sum(len(window.ids) for cut in prepared for window in cut),
            "unnamed_spans": sum(chunk.unnamed_spans for chunks in results for chunk in chunks),
        }
        return PartResult(pa.Table.from_pylist(rows, CHUNK_PROGRAMS), cost)


def scored_chunk_work(checkpoint: Path, refiner: ChunkRefiner) -> Work[Any, Any]:
    """The steps of writing chunk programs with the refiner that was loaded from `checkpoint`."""
    return Work(
        ChunkPreparation(checkpoint, refiner.window, refiner.overlap),
        refiner.probabilities,
        ChunkEditing(refiner.thresholds, refiner.calibration),
    )


def kept_documents(documents: pa.Table) -> list[dict[str, Any]]:
    """The rows of a range that the document stage kept."""
    return [row for row in documents.to_pylist() if row["status"] == KEPT]


def program_row(document: dict[str, Any], result: ChunkResult) -> dict[str, Any]:
    """A row of `CHUNK_PROGRAMS`."""
    return {
        "row": document["row"],
        "doc_id": document["doc_id"],
        "chunk": result.chunk.index,
        "line_start": result.chunk.line_start,
        "line_stop": result.chunk.line_stop,
        "start": result.chunk.start,
        "stop": result.chunk.stop,
        "n_tokens": result.n_tokens,
        "program": result.program_text,
        "call_scores": result.call_scores,
        "line_scores": result.line_scores,
        "spans": [{"start": s.start, "stop": s.stop, "score": s.score} for s in result.spans],
        "status": FAILED if result.failed else OK,
        "error": result.error,
    }


def programs_by_row(programs: pa.Table) -> dict[int, list[dict[str, Any]]]:
    """The chunk programs of each document of a range, by its row."""
    return {row: list(chunks) for row, chunks in groupby(programs.to_pylist(), lambda one: one["row"])}


def source_columns(document: dict[str, Any]) -> dict[str, Any]:
    """What a refined document keeps of its source."""
    return {name: document[name] for name in RAW.names}


def dropped_row(document: dict[str, Any]) -> dict[str, Any]:
    """The row of a document that the document stage dropped."""
    nothing = {"n_tokens_in": 0, "n_tokens_out": 0, "edits": []}
    return source_columns(document) | nothing | {"status": DROPPED, "reason": document["reason"]}


class ChunkExecutor:
    """Runs chunk programs: guard rails, thresholds that may have moved, and the tokenizer that counts."""

    def __init__(
        self,
        counter: TokenCounter,
        rails: Rails,
        thresholds: ChunkThresholds | None,
        language: Language = PROX,
    ) -> None:
        self._counter, self._rails, self._thresholds = counter, rails, thresholds
        self._language = language

    def __call__(self, documents: pa.Table, programs: pa.Table) -> PartResult:
        """Execute a range's programs (`CHUNK_REFINED`): one row for every document, dropped ones included.

        Tokens are counted in the source text; one is removed when its first character is.
        """
        by_row = programs_by_row(programs)
        sources = documents.to_pylist()
        starts = self._counter.token_starts([document["text"] for document in sources])
        rows = [
            self._row(document, by_row.get(document["row"], []), tokens)
            for document, tokens in zip(sources, starts, strict=True)
        ]
        return PartResult(pa.Table.from_pylist(rows, CHUNK_REFINED), {"documents": len(rows)})

    def _row(
        self, document: dict[str, Any], chunks: Sequence[dict[str, Any]], tokens: Ints
    ) -> dict[str, Any]:
        if document["status"] == DROPPED:
            return dropped_row(document)
        done = self.execute(document["text"], chunks)
        removed = _removed_tokens(tokens, done, len(document["text"]))
        return source_columns(document) | {
            "text": done.text,
            "status": done.status.value,
            "reason": done.reason.value or document["reason"] or failure_reason(chunks),
            "n_tokens_in": len(tokens),
            "n_tokens_out": len(tokens) - removed,
            "edits": [_edit_row(edit, tokens) for edit in done.edits],
        }

    def execute(self, text: str, chunks: Sequence[dict[str, Any]]) -> Execution:
        """Run the programs of one document's chunks."""
        return self._language.execute(text, list(self._programs(text, chunks)), self._rails)

    def _programs(self, text: str, chunks: Sequence[dict[str, Any]]) -> Iterator[ScoredChunk]:
        for row in chunks:
            chunk = Chunk(row["chunk"], row["line_start"], row["line_stop"], row["start"], row["stop"])
            if row["status"] != OK:
                yield chunk, Program(()), None
            elif self._thresholds is None or not row["line_scores"]:
                yield chunk, self._language.parse(row["program"]), row["call_scores"] or None
            else:
                spans = [NoiseSpan(one["start"], one["stop"], one["score"]) for one in row["spans"]]
                written = edit_program(text, chunk, row["line_scores"], spans, self._thresholds, self._rails)
                yield chunk, written.program, written.scores


def failure_reason(chunks: Sequence[dict[str, Any]]) -> str:
    """The reason of a document of which the refiner failed on a chunk; empty where it did not."""
    return REFINER_FAILED if any(chunk["status"] != OK for chunk in chunks) else ""


def _edit_row(edit: Edit, tokens: Ints) -> dict[str, Any]:
    applied = edit.outcome == Outcome.APPLIED
    return {
        "chunk": edit.chunk,
        "call": edit.call,
        "outcome": str(edit.outcome),
        "start": edit.start,
        "stop": edit.stop,
        "replacement": edit.replacement,
        "score": edit.score,
        "n_tokens": _count(tokens, edit.start, edit.stop) if applied else 0,
    }


def _removed_tokens(tokens: Ints, done: Execution, length: int) -> int:
    """Count each token once, also where edits lie over one another; an emptied document lost them all."""
    if not done.text:
        return len(tokens)
    gone = np.zeros(length + 1, dtype=np.bool_)
    for edit in done.edits:
        if edit.outcome == Outcome.APPLIED:
            gone[edit.start : edit.stop] = True
    return int(gone[tokens].sum())


def _count(tokens: Ints, start: int, stop: int) -> int:
    return int(np.searchsorted(tokens, stop) - np.searchsorted(tokens, start))
