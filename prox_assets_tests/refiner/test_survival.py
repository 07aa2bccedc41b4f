"""A training that was killed with SIGKILL and started again ends with the same bytes."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from prox_assets.inference import Task
from prox_assets.refiner.checkpoint import EpochPoint, StepPoint
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.training import TrainedRefiner, train_chunk_refiner
from prox_assets_tests.refiner.conftest import recipe
from prox_assets_tests.refiner.survival import killed, require_same_bytes, some_pages
from prox_assets_tests.refiner.tables import chunk_table

_KILLED_AT = 9  # of 14 steps, in the second epoch


def _recipe(**changes: object) -> Recipe:
    found = recipe(Task.CHUNK, 2, max_steps=14)
    small = found.architecture.model_copy(
        update={"hidden": 32, "intermediate": 32, "vocab_size": 600, "dropout": 0.1}
    )
    training = found.training.model_copy(update={"checkpoint_steps": 1, "batch_tokens": 4096, **changes})
    return replace(found, architecture=small, training=training)


def _train(destination: Path, work: Path | None, **changes: object) -> TrainedRefiner:
    return train_chunk_refiner(chunk_table(some_pages()), _recipe(**changes), destination, work=work)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> TrainedRefiner:
    return _train(tmp_path_factory.mktemp("whole") / "refiner", None)


def test_a_killed_training_ends_with_the_same_bytes(uninterrupted: TrainedRefiner, tmp_path: Path) -> None:
    destination, work = tmp_path / "refiner", tmp_path / "work"
    killed(__name__, destination, work, _KILLED_AT)
    points: list[StepPoint | EpochPoint] = []
    train_chunk_refiner(chunk_table(some_pages()), _recipe(), destination, "", points.append, work)
    first = next(point for point in points if isinstance(point, StepPoint))
    assert _KILLED_AT - 1 <= first.step <= _KILLED_AT + 1, "it went on from the last state"
    require_same_bytes(uninterrupted.path, destination)


def test_states_of_another_length_and_broken_ones_are_left_behind(
    uninterrupted: TrainedRefiner, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    _train(tmp_path / "one", work)
    newest = max(work.iterdir(), key=lambda path: int(path.name.rsplit("-", 1)[1]))
    state = json.loads((newest / "trainer_state.json").read_text())
    (work / "checkpoint-99").mkdir()
    (work / "checkpoint-100").mkdir()
    (work / "checkpoint-100" / "trainer_state.json").write_text(json.dumps(state | {"max_steps": 3}))
    for number, damaged in enumerate(('{"max_steps"', "[]", "{}", "[" * 100_000), 101):
        (work / f"checkpoint-{number}").mkdir()
        (work / f"checkpoint-{number}" / "trainer_state.json").write_text(damaged)
    (work / "checkpoint-110").mkdir()
    unlogged = {name: value for name, value in state.items() if name != "log_history"}
    (work / "checkpoint-110" / "trainer_state.json").write_text(json.dumps(unlogged))
    moved = work.rename(tmp_path / "elsewhere")
    _train(tmp_path / "two", moved)
    assert not [folder.name for folder in moved.glob("checkpoint-*") if int(folder.name[11:]) >= 99]
    require_same_bytes(uninterrupted.path, tmp_path / "two")


def test_training_stops_early_and_stays_stopped(tmp_path: Path) -> None:
    """At this rate nothing is learned, so no epoch is better than the first one."""
    still = {"peak_learning_rate": 1e-12, "epochs": 6, "max_steps": None, "patience": 1}
    done = _train(tmp_path / "one", tmp_path / "work", **still)
    assert len(done.curves.epochs) == 2
    assert done.curves.best_epoch is done.curves.epochs[0]
    shutil.rmtree(tmp_path / "one")
    again = _train(tmp_path / "one", tmp_path / "work", **still)
    assert again.curves == done.curves


if __name__ == "__main__":
    _train(Path(sys.argv[1]), Path(sys.argv[2]))
