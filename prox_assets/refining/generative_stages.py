"""The steps of the stages with a generative refiner."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.documents.schema import CHUNK_PROGRAMS
from prox_assets.inference import Generation
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.generative.prompts import PreparedChunk
from prox_assets.refiner.generative.refiners import (
    GenerativeChunkRefiner,
    GenerativeDocumentRefiner,
    prompt_writer,
    written_chunk,
)
from prox_assets.refiner.scoring.predictions import ChunkResult
from prox_assets.refiner.scoring.refiner import PreparedDocument
from prox_assets.refining.chunk_stage import kept_documents, program_row
from prox_assets.refining.document_stage import DocumentDecisions
from prox_assets.refining.driver import PartResult, Work


@dataclass(frozen=True, slots=True)
class DocumentPrompting:
    """Writes the prompts of a range's documents for the refiner in `checkpoint`."""

    checkpoint: Path
    window: int

    def __call__(self, raw: pa.Table) -> list[PreparedDocument]:
        """One prompt for each row."""
        return prompt_writer(self.checkpoint, self.window).documents(raw["text"].to_pylist())


@dataclass(frozen=True, slots=True)
class ChunkPrompting:
    """Writes the prompts of all chunks of a range's kept documents for the refiner in `checkpoint`."""

    checkpoint: Path
    window: int
    language: Language = PROX

    def __call__(self, documents: pa.Table) -> list[list[PreparedChunk]]:
        """The prompts of each kept document."""
        texts = [row["text"] for row in kept_documents(documents)]
        return prompt_writer(self.checkpoint, self.window, self.language).chunks(texts)


def chunk_rows(
    prepared: Sequence[Sequence[PreparedChunk]],
    written: Sequence[Sequence[Generation]],
    documents: pa.Table,
    language: Language = PROX,
) -> PartResult:
    """The programs of a range (`CHUNK_PROGRAMS`) as they were written; lines have no scores.

    The cost counts the programs that were cut off and those with a refused call.
    """
    results = [
        [written_chunk(*one, language) for one in zip(chunks, answers, strict=True)]
        for chunks, answers in zip(prepared, written, strict=True)
    ]
    rows = [
        program_row(document, result) | {"line_scores": []}
        for document, chunks in zip(kept_documents(documents), results, strict=True)
        for result in chunks
    ]
    flat = [result for chunks in results for result in chunks]
    cost = {
        "documents": len(results),
        "tokens_in": sum(len(one.prompt.ids) for chunks in prepared for one in chunks),
        "tokens_written": sum(len(one.ids) for answers in written for one in answers),
        "cut_off": sum(result.error is not None for result in flat),
        "malformed": sum(_malformed(result, language) for result in flat),
    }
    return PartResult(pa.Table.from_pylist(rows, CHUNK_PROGRAMS), cost)


def written_document_work(checkpoint: Path, refiner: GenerativeDocumentRefiner) -> Work[Any, Any]:
    """The steps of writing document programs with the refiner that was loaded from `checkpoint`."""
    return Work(
        DocumentPrompting(checkpoint, refiner.window),
        refiner.score_prepared,
        DocumentDecisions(refiner.thresholds),
    )


def written_chunk_work(
    checkpoint: Path, refiner: GenerativeChunkRefiner, language: Language = PROX
) -> Work[Any, Any]:
    """The steps of writing chunk programs with the refiner that was loaded from `checkpoint`."""
    prompting = ChunkPrompting(checkpoint, refiner.window, language)
    return Work(prompting, refiner.write, partial(chunk_rows, language=language))


def _malformed(result: ChunkResult, language: Language) -> bool:
    program = language.parse(result.program_text)
    return bool(program.refusals) or not program.calls
