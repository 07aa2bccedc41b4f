"""Refiners behind their quality gate: refused, replaced by keeping everything, or used as they are.

Whatever refines a corpus takes its refiners from here. Evaluations and comparisons load them as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.config import RefinerSection
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.checkpoint import DocumentThresholds, read_info
from prox_assets.refiner.gate import Gate, GateVerdict, quality_gate
from prox_assets.refining.keep_all import ChunkFallback, DocumentFallback, KeepAllChunks, KeepAllDocuments
from prox_assets.refining.models import (
    ChunkDecider,
    DocumentDecider,
    checkpoint_fingerprint,
    chunk_thresholds,
    load_chunk_refiner,
    load_document_refiner,
)

KEEP_ALL = "keep_all"
_DONE = {
    "keep_all": "everything is kept in its place (refiner.when_unreliable: keep_all)",
    "use": "it is used all the same (refiner.when_unreliable: use)",
    "refuse": "nothing is refined with it (refiner.when_unreliable: refuse)",
}


@dataclass(frozen=True, slots=True)
class GateNote:
    """What to tell people of one refiner, and the verdict behind it."""

    gate: Gate
    sentence: str


def stored_gate(checkpoint: Path, task: Task, section: RefinerSection) -> Gate:
    """The verdict on a checkpoint by the figures that are stored with it; no model is loaded.

    Raises RefinerError where the directory is not a refiner's.
    """
    return quality_gate(read_info(checkpoint, task).evidence, task, section.min_documents_per_class)


def gate_notes(documents: Path, chunks: Path, section: RefinerSection) -> dict[Task, GateNote]:
    """What to tell people of two refiners that are not known to be good: a sentence for each."""
    notes = {}
    for checkpoint, task in ((documents, Task.DOCUMENT), (chunks, Task.CHUNK)):
        gate = stored_gate(checkpoint, task, section)
        if not gate.is_reliable:
            done = _DONE[section.when_unreliable]
            notes[task] = GateNote(gate, f"The {task} refiner is not reliable ({gate}): {done}.")
        elif gate.verdict is GateVerdict.NOT_MEASURED:
            unmeasured = f"The {task} refiner's quality is not measured: {gate.reason}. It is used as it is."
            notes[task] = GateNote(gate, unmeasured)
    return notes


def unreliable(notes: Mapping[Task, GateNote]) -> list[str]:
    """The sentences of `gate_notes` on refiners that validation data speak against."""
    return [note.sentence for note in notes.values() if not note.gate.is_reliable]


def gated_document_refiner(
    checkpoint: Path, settings: EngineSettings, section: RefinerSection
) -> DocumentDecider:
    """The document refiner that documents may be judged with.

    Raises RefinerError where it is not reliable and the catalogue does not say what to do then.
    """
    if not replaced(checkpoint, Task.DOCUMENT, section):
        return load_document_refiner(checkpoint, settings)
    stored = read_info(checkpoint, Task.DOCUMENT).thresholds
    assert isinstance(stored, DocumentThresholds)
    return DocumentFallback(KeepAllDocuments(stored), checkpoint, _configuration(checkpoint), _cost(settings))


def gated_chunk_refiner(checkpoint: Path, settings: EngineSettings, section: RefinerSection) -> ChunkDecider:
    """The chunk refiner that chunks may be edited with. Raises RefinerError as for documents."""
    if not replaced(checkpoint, Task.CHUNK, section):
        return load_chunk_refiner(checkpoint, settings)
    stored = chunk_thresholds(checkpoint)
    return ChunkFallback(KeepAllChunks(stored), checkpoint, _configuration(checkpoint), _cost(settings))


def replaced(checkpoint: Path, task: Task, section: RefinerSection) -> bool:
    """Tell whether everything is kept in place of what a refiner would decide.

    Raises RefinerError where it is not reliable and is to be refused.
    """
    gate = stored_gate(checkpoint, task, section)
    if gate.is_reliable:
        return False
    if section.when_unreliable == "refuse":
        raise RefinerError(
            f"The {task} refiner is refused, {gate}. Teach it on more seeds (seeds.size, "
            "refiner.validation_share), or say in refiner.when_unreliable what to do: refuse (as now), "
            "keep_all (keep everything in its place), or use (as it is)."
        )
    return section.when_unreliable == KEEP_ALL


def _configuration(checkpoint: Path) -> dict[str, Any]:
    return {"checkpoint": checkpoint_fingerprint(checkpoint), "fallback": KEEP_ALL}


def _cost(settings: EngineSettings) -> dict[str, Any]:
    return {"parameters": 0, "device": settings.device, "peak": 0.0}
