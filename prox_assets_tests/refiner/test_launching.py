"""Training in two processes on the CPU, as on two GPUs."""

from dataclasses import replace
from pathlib import Path

import pytest

from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.refiner.checkpoint import EpochPoint, StepPoint, read_curves, read_info
from prox_assets.refiner.launching import train_in_processes
from prox_assets.refiner.scoring.training import train_chunk_refiner
from prox_assets_tests.refiner.conftest import recipe
from prox_assets_tests.refiner.survival import require_same_bytes, some_pages
from prox_assets_tests.refiner.tables import chunk_table

pytestmark = pytest.mark.slow


def test_two_processes_train_one_refiner_and_go_on_from_its_state(tmp_path: Path) -> None:
    table, one = chunk_table(some_pages()), recipe(Task.CHUNK, 2)
    both = replace(one, training=one.training.model_copy(update={"processes": 2, "checkpoint_steps": 5}))
    alone = train_chunk_refiner(table, one, tmp_path / "alone")
    for name in ("first", "again"):
        points: list[StepPoint | EpochPoint] = []
        train_in_processes(
            2, train_chunk_refiner, table, both, tmp_path / name, "", points.append, tmp_path / "work"
        )
        assert len(points) == (0 if name == "again" else points[0].steps + 2)  # type: ignore[union-attr]
    curves = read_curves(tmp_path / "first")
    steps = len(alone.curves.steps)
    assert steps / 2 <= len(curves.steps) <= steps / 2 + 2
    assert curves.steps[-1].tokens >= alone.curves.steps[-1].tokens
    assert read_info(tmp_path / "first", Task.CHUNK).metrics["best_f1"] > 0.6
    require_same_bytes(tmp_path / "first", tmp_path / "again")


def test_a_process_that_fails_fails_the_training(tmp_path: Path) -> None:
    table = chunk_table(some_pages()).slice(0, 5)
    with pytest.raises(RefinerError, match="One of 2 training processes failed"):
        train_in_processes(
            2, train_chunk_refiner, table, recipe(Task.CHUNK, 1), tmp_path / "a", "", print, tmp_path / "work"
        )
    assert not (tmp_path / "a").exists()
