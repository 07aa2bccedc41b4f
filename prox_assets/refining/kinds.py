"""The two kinds of refiner where they meet: opened as what their checkpoints say they are."""

from pathlib import Path
from typing import Any

from prox_assets.inference import EngineSettings, Task
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.checkpoint import read_info
from prox_assets.refiner.generative.refiners import GenerativeChunkRefiner, GenerativeDocumentRefiner
from prox_assets.refiner.scoring import ChunkRefiner, DocumentRefiner
from prox_assets.refining.chunks import scored_chunk_work
from prox_assets.refining.documents import scored_document_work
from prox_assets.refining.keep_all import (
    KeepAllChunks,
    KeepAllDocuments,
    keep_all_chunks_work,
    keep_all_documents_work,
)
from prox_assets.refining.streaming import Work
from prox_assets.refining.written import written_chunk_work, written_document_work

AnyDocumentRefiner = DocumentRefiner | GenerativeDocumentRefiner
AnyChunkRefiner = ChunkRefiner | GenerativeChunkRefiner


def open_document_refiner(checkpoint: Path, settings: EngineSettings) -> AnyDocumentRefiner:
    """Load a document refiner of either kind. Raises RefinerError when the directory holds none."""
    if read_info(checkpoint, Task.DOCUMENT).kind == "generative":
        return GenerativeDocumentRefiner.load(checkpoint, settings)
    return DocumentRefiner.load(checkpoint, settings)


def open_chunk_refiner(checkpoint: Path, settings: EngineSettings) -> AnyChunkRefiner:
    """Load a chunk refiner of either kind. Raises RefinerError when the directory holds none."""
    if read_info(checkpoint, Task.CHUNK).kind == "generative":
        return GenerativeChunkRefiner.load(checkpoint, settings)
    return ChunkRefiner.load(checkpoint, settings)


def document_work(checkpoint: Path, refiner: AnyDocumentRefiner | KeepAllDocuments) -> Work[Any, Any]:
    """The steps of writing document programs with the refiner that was loaded from `checkpoint`."""
    if isinstance(refiner, KeepAllDocuments):
        return keep_all_documents_work(checkpoint)
    if isinstance(refiner, GenerativeDocumentRefiner):
        return written_document_work(checkpoint, refiner)
    return scored_document_work(checkpoint, refiner)


def chunk_work(
    checkpoint: Path, refiner: AnyChunkRefiner | KeepAllChunks, language: Language = PROX
) -> Work[Any, Any]:
    """The steps of writing chunk programs with the refiner that was loaded from `checkpoint`."""
    if isinstance(refiner, KeepAllChunks):
        return keep_all_chunks_work(checkpoint, language)
    if isinstance(refiner, GenerativeChunkRefiner):
        return written_chunk_work(checkpoint, refiner, language)
    return scored_chunk_work(checkpoint, refiner)
