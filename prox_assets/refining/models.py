"""Load refiners by their kind, with the fingerprint and the cost of their work."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from prox_assets.config import ExecutionSection, Inference, LanguageSection, ThresholdsSection
from prox_assets.documents.files import folder_fingerprint
from prox_assets.inference import EngineSettings, Task
from prox_assets.inference.engine import matrix_rate
from prox_assets.programs import Rails
from prox_assets.programs.profiles.interface import PROX, Language, Profile
from prox_assets.programs.profiles.ultrax_text import FIRST_LINE
from prox_assets.programs.rails import PastEnd
from prox_assets.refiner.cards import non_embedding_parameters
from prox_assets.refiner.checkpoint import ChunkThresholds, read_info
from prox_assets.refiner.generative.refiners import GenerativeChunkRefiner, GenerativeDocumentRefiner
from prox_assets.refiner.scoring.refiner import ChunkRefiner, DocumentRefiner
from prox_assets.refining.chunk_stage import scored_chunk_work
from prox_assets.refining.document_stage import scored_document_work
from prox_assets.refining.driver import Work
from prox_assets.refining.generative_stages import written_chunk_work, written_document_work
from prox_assets.refining.keep_all import (
    ChunkFallback,
    DocumentFallback,
    KeepAllChunks,
    KeepAllDocuments,
    keep_all_chunks_work,
    keep_all_documents_work,
)

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


@dataclass(frozen=True, slots=True)
class LoadedDocumentRefiner:
    """A document refiner in memory; `configuration` is all that decides its answers."""

    refiner: AnyDocumentRefiner
    checkpoint: Path
    configuration: dict[str, Any]
    cost: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoadedChunkRefiner:
    """A chunk refiner in memory; `configuration` is all that decides its answers."""

    refiner: AnyChunkRefiner
    checkpoint: Path
    configuration: dict[str, Any]
    cost: dict[str, Any]


DocumentDecider = LoadedDocumentRefiner | DocumentFallback
ChunkDecider = LoadedChunkRefiner | ChunkFallback


def engine_settings(inference: Inference) -> EngineSettings:
    """What the catalogue says of inference, for an engine."""
    return EngineSettings(
        inference.engine,
        inference.device,
        inference.dtype,
        inference.batch_tokens,
        inference.threads,
        packing=inference.packing,
        compiled=inference.compile,
    )


Loaded = TypeVar("Loaded", LoadedDocumentRefiner, LoadedChunkRefiner)


class OneLoaded(Generic[Loaded]):
    """The refiner that was loaded last, by its checkpoint and settings: a run over many shards loads it once.

    Another one takes its place on the device: it is closed first, so that a process holds one of each task
    at most.
    """

    def __init__(self, load: Callable[[Path, EngineSettings], Loaded]) -> None:
        self._load: Callable[[Path, EngineSettings], Loaded] = load
        self._asked: tuple[Path, EngineSettings] | None = None
        self._found: Loaded | None = None

    def __call__(self, checkpoint: Path, settings: EngineSettings) -> Loaded:
        """Load a checkpoint, unless it is the one that is there."""
        if self._found is None or self._asked != (checkpoint, settings):
            found, self._found = self._found, None
            if found is not None:
                found.refiner.close()
            del found
            self._found, self._asked = self._load(checkpoint, settings), (checkpoint, settings)
        return self._found

    def forget(self) -> None:
        """Drop the refiner as it is, for one whose device is lost."""
        self._found = None


def loaded_documents(checkpoint: Path, settings: EngineSettings) -> LoadedDocumentRefiner:
    """Load a document refiner for somebody who keeps it and closes it."""
    refiner = open_document_refiner(checkpoint, settings)
    return LoadedDocumentRefiner(
        refiner, checkpoint, _configuration(checkpoint, settings), _cost(checkpoint, settings)
    )


def loaded_chunks(checkpoint: Path, settings: EngineSettings) -> LoadedChunkRefiner:
    """Load a chunk refiner for somebody who keeps it and closes it."""
    refiner = open_chunk_refiner(checkpoint, settings)
    return LoadedChunkRefiner(
        refiner, checkpoint, _configuration(checkpoint, settings), _cost(checkpoint, settings)
    )


load_document_refiner = OneLoaded(loaded_documents)
load_chunk_refiner = OneLoaded(loaded_chunks)


@lru_cache(maxsize=64)
def checkpoint_fingerprint(checkpoint: Path) -> str:
    """The name of a checkpoint's content; it never changes once it is there, and is read once a process."""
    return folder_fingerprint(checkpoint)


def chunk_thresholds(checkpoint: Path) -> ChunkThresholds:
    """Those that a chunk refiner was stored with; its model is not loaded.

    Raises:
        RefinerError: the directory is not a chunk refiner's.
    """
    stored = read_info(checkpoint, Task.CHUNK).thresholds
    assert isinstance(stored, ChunkThresholds)
    return stored


def moved_thresholds(
    stored: ChunkThresholds, thresholds: ThresholdsSection, rails: Rails | None = None
) -> ChunkThresholds | None:
    """The chunk thresholds that scored programs are made with again; None where the stored programs hold.

    The catalogue's thresholds take the place of the stored ones. Stored programs were made to match under the
    default rails, so they are made again where `rails` match otherwise.
    """
    matching = rails is None or rails.matching == Rails().matching
    if thresholds.line is None and thresholds.span is None and matching:
        return None
    line = stored.line if thresholds.line is None else thresholds.line
    span = stored.span if thresholds.span is None else thresholds.span
    return ChunkThresholds(line, span, stored.min_span_chars)


def language_of(section: LanguageSection) -> Language:
    """The language of chunk programs that the catalogue asks for."""
    profile = Profile(section.profile)
    own = FIRST_LINE if profile is Profile.ULTRAX else 0
    first_line = own if section.first_line is None else section.first_line
    return Language(profile, section.calls, first_line, PastEnd(section.past_end or PastEnd.REFUSE))


def rails_of(execution: ExecutionSection) -> Rails | None:
    """The guard rails that the catalogue asks for; None for the ProX profile, which has its own."""
    if execution.profile == "prox":
        return None
    return Rails(**execution.model_dump(exclude={"profile"}))


def rails_configuration(rails: Rails) -> dict[str, Any]:
    """Guard rails as plain values, for a fingerprint."""
    return asdict(rails)


def language_configuration(language: Language) -> dict[str, Any]:
    """A language as plain values, for a fingerprint; nothing for the default one."""
    return {} if language == PROX else {"language": asdict(language) | {"calls": list(language.calls)}}


def _configuration(checkpoint: Path, settings: EngineSettings) -> dict[str, Any]:
    return {"checkpoint": checkpoint_fingerprint(checkpoint), "engine": asdict(settings)}


def _cost(checkpoint: Path, settings: EngineSettings) -> dict[str, Any]:
    return {
        "parameters": non_embedding_parameters(checkpoint),
        "device": settings.device,
        "peak": matrix_rate(settings.device, settings.dtype),
    }
