"""One refiner of each task in memory, whatever a process is asked for."""

from pathlib import Path

from prox_assets.inference import EngineSettings
from prox_assets.refining.models import LoadedChunkRefiner, OneLoaded
from prox_assets_tests.conftest import Graph


class _Refiner:
    def __init__(self, log: list[str], name: str) -> None:
        self._log, self._name = log, name

    def close(self) -> None:
        self._log.append(f"close {self._name}")


def test_another_refiner_takes_the_place_of_the_one_before() -> None:
    log: list[str] = []

    def load(checkpoint: Path, settings: EngineSettings) -> LoadedChunkRefiner:
        log.append(f"load {checkpoint}")
        return LoadedChunkRefiner(_Refiner(log, str(checkpoint)), checkpoint, {}, {})  # type: ignore[arg-type]

    one = OneLoaded(load)
    first = one(Path("a"), EngineSettings())
    assert one(Path("a"), EngineSettings()) is first
    one(Path("b"), EngineSettings())
    one(Path("b"), EngineSettings(batch_tokens=1))
    assert log == ["load a", "close a", "load b", "close b", "load b"]
    one.forget()
    one(Path("b"), EngineSettings(batch_tokens=1))
    assert log[5:] == ["load b"], "what stands on a lost device is not asked to close"


def test_loaded_refiners_are_named_by_what_they_are(graph: Graph) -> None:
    from prox_assets.refining.models import checkpoint_fingerprint, chunk_thresholds, load_chunk_refiner

    checkpoint = graph.store.artifact("web", "chunk_refiner").folder / "checkpoint"
    loaded = load_chunk_refiner(checkpoint, EngineSettings(threads=1))
    assert loaded.configuration["checkpoint"] == checkpoint_fingerprint(checkpoint)
    assert loaded.refiner.thresholds == chunk_thresholds(checkpoint)
