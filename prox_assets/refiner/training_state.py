"""The states that a training run leaves behind, to be taken up by the next one, and their curves."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from prox_assets.documents.files import scratch_folder, write_json
from prox_assets.refiner.checkpoint import Curves, EpochPoint, StepPoint
from prox_assets.refiner.recipe import Course

F1, RATE = "eval_f1", "learning_rate"
Log = Sequence[Mapping[str, Any]]


def step_point(entry: Mapping[str, Any], course: Course) -> StepPoint:
    """The point of a log entry of an optimizer step."""
    step = entry["step"]
    return StepPoint(step, course.steps, entry["loss"], entry[RATE], course.tokens_seen[step - 1])


def curves_of(log: Log, course: Course) -> Curves:
    """The curves of a run so far."""
    curves = Curves([step_point(entry, course) for entry in log if RATE in entry])
    first = 0
    for entry in log:
        if F1 in entry:
            loss = float(np.mean([point.loss for point in curves.steps[first : entry["step"]]]))
            curves.epochs.append(EpochPoint(len(curves.epochs) + 1, entry["step"], loss, entry[F1]))
            first = entry["step"]
    return curves


def stopped_at(curves: Curves, patience: int | None) -> int | None:
    """The step at which training ends: `patience` epochs brought no better F1. None: it goes on."""
    best = 0
    for place, point in enumerate(curves.epochs):
        if point.validation_f1 > curves.epochs[best].validation_f1:
            best = place
        if patience is not None and place - best >= patience:
            return point.step
    return None


_STATE = "trainer_state.json"


@contextmanager
def work_folder(work: Path | None) -> Iterator[Path]:
    """Where states are written: `work`, which its owner removes; None: a folder that goes with the block."""
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with scratch_folder("training") as folder:
        yield folder


def last_state(work: Path, steps: int) -> Path | None:
    """The newest whole state of a run of `steps` steps in `work`; None where the run starts anew.

    The Trainer writes `trainer_state.json` last: a folder without it was cut off while it was written, and is
    removed, as are states of a run of another length. Of several processes only the first changes anything.

    The Trainer reads optimizer, scheduler and random states with `torch.load(weights_only=True)`, which makes
    tensors and plain values and refuses all else; the weights are safetensors.
    """
    main, whole = os.environ.get("RANK", "0") == "0", []
    for folder in sorted(filter(_is_state, work.glob("checkpoint-*")), key=_step):
        state = _read(folder)
        if state is not None and state.get("max_steps") == steps:
            whole.append(folder)
        elif main:
            shutil.rmtree(folder)
    if not whole:
        return None
    if main:
        _relocate(whole[-1], work)
    return whole[-1]


def history(state: Path) -> list[dict[str, Any]]:
    """What was logged up to a state."""
    log: list[dict[str, Any]] = json.loads((state / _STATE).read_text(encoding="utf-8"))["log_history"]
    return log


def _is_state(folder: Path) -> bool:
    return folder.is_dir() and folder.name.rsplit("-", 1)[1].isdecimal()


def _step(folder: Path) -> int:
    return int(folder.name.rsplit("-", 1)[1])


def _read(folder: Path) -> dict[str, Any] | None:
    """The Trainer's record of a state; None where it is missing, damaged, or lacks what is read of it."""
    try:
        state: dict[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        return None
    best = state.get("best_global_step")
    return state if best is None or type(best) is int else None


def _relocate(folder: Path, work: Path) -> None:
    """Let the best state be looked for where it is now, should the storage have moved."""
    state = _read(folder)
    if state and state.get("best_global_step"):
        state["best_model_checkpoint"] = str(work / f"checkpoint-{state['best_global_step']}")
        write_json(state, folder / _STATE)
