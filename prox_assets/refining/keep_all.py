"""The stated fallback for a refiner that is not reliable: everything is kept, and no model is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.documents.schema import CHUNK_PROGRAMS, DOC_PROGRAMS
from prox_assets.programs import KEEP_DOC
from prox_assets.programs.profiles.interface import Language
from prox_assets.programs.program import Call, Program
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds
from prox_assets.refining.chunk_stage import TokenCounter, kept_documents
from prox_assets.refining.document_stage import OK
from prox_assets.refining.driver import PartResult, Work


@dataclass(frozen=True, slots=True)
class KeepAllDocuments:
    """Takes the place of a document refiner; the checkpoint's thresholds decide nothing."""

    thresholds: DocumentThresholds


@dataclass(frozen=True, slots=True)
class KeepAllChunks:
    """Takes the place of a chunk refiner; the checkpoint's thresholds decide nothing."""

    thresholds: ChunkThresholds


@dataclass(frozen=True, slots=True)
class DocumentFallback:
    """What a stage is given in place of a loaded document refiner, with what names and prices its work."""

    refiner: KeepAllDocuments
    checkpoint: Path
    configuration: dict[str, Any]
    cost: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChunkFallback:
    """What a stage is given in place of a loaded chunk refiner, with what names and prices its work."""

    refiner: KeepAllChunks
    checkpoint: Path
    configuration: dict[str, Any]
    cost: dict[str, Any]


def keep_all_documents_work(checkpoint: Path) -> Work[Any, Any]:
    """The steps of keeping every document; tokens are counted by the refiner's tokenizer."""
    return Work(_AllTokens(TokenCounter(checkpoint)), _nothing, _keep_documents)


def keep_all_chunks_work(checkpoint: Path, language: Language) -> Work[Any, Any]:
    """The steps of keeping every line: one chunk a kept document, its program in the domain's language."""
    program = language.render(Program((Call("keep_chunk"),)))
    return Work(_KeptTokens(TokenCounter(checkpoint)), _nothing, partial(_keep_chunks, program))


@dataclass(frozen=True, slots=True)
class _AllTokens:
    counter: TokenCounter

    def __call__(self, documents: pa.Table) -> list[int]:
        return [len(starts) for starts in self.counter.token_starts(documents["text"].to_pylist())]


@dataclass(frozen=True, slots=True)
class _KeptTokens:
    counter: TokenCounter

    def __call__(self, documents: pa.Table) -> list[int]:
        texts = [row["text"] for row in kept_documents(documents)]
        return [len(starts) for starts in self.counter.token_starts(texts)]


def _nothing(_: Sequence[int]) -> None:
    """No model is asked."""


def _keep_documents(tokens: Sequence[int], _: None, raw: pa.Table) -> PartResult:
    rows = [
        {
            "row": row,
            "doc_id": doc_id,
            "keep_probability": None,
            "program": KEEP_DOC,
            "n_tokens": count,
            "n_tokens_seen": 0,
            "status": OK,
            "error": None,
        }
        for row, doc_id, count in zip(raw["row"].to_pylist(), raw["doc_id"].to_pylist(), tokens, strict=True)
    ]
    return PartResult(pa.Table.from_pylist(rows, DOC_PROGRAMS), {"documents": len(rows), "tokens_in": 0})


def _keep_chunks(program: str, tokens: Sequence[int], _: None, documents: pa.Table) -> PartResult:
    rows = [
        {
            "row": document["row"],
            "doc_id": document["doc_id"],
            "chunk": 0,
            "line_start": 0,
            "line_stop": document["text"].count("\n") + 1,
            "start": 0,
            "stop": len(document["text"]),
            "n_tokens": count,
            "program": program,
            "call_scores": [],
            "line_scores": [],
            "spans": [],
            "status": OK,
            "error": None,
        }
        for document, count in zip(kept_documents(documents), tokens, strict=True)
    ]
    return PartResult(pa.Table.from_pylist(rows, CHUNK_PROGRAMS), {"documents": len(rows), "tokens_in": 0})
