"""Training in several processes of one machine, a device each: accelerate shares the steps among them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from prox_assets.documents.files import scratch_folder
from prox_assets.errors import RefinerError
from prox_assets.refiner.checkpoint import EpochPoint, Progress, StepPoint
from prox_assets.refiner.generative.recipe import CausalRecipe
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.training_state import work_folder

_POINT = "prox-point "
_JOB_FILE, _SFT_FILE = "job.json", "sft.parquet"
_KINDS = {"StepPoint": StepPoint, "EpochPoint": EpochPoint}


@dataclass(frozen=True, slots=True)
class Job:
    """A training as it is handed to its processes; `train` is one of the functions that train a refiner."""

    train: Callable[..., Any]
    sft: pa.Table
    recipe: Any
    destination: Path
    data: str
    work: Path

    def write(self, folder: Path) -> None:
        """Write the job into a folder, as JSON beside a Parquet file."""
        values = {
            "train": self.train.__name__,
            "recipe": TypeAdapter(type(self.recipe)).dump_python(self.recipe, mode="json"),
            "destination": str(self.destination),
            "data": self.data,
            "work": str(self.work),
        }
        (folder / _JOB_FILE).write_text(json.dumps(values), encoding="utf-8")
        pq.write_table(self.sft, folder / _SFT_FILE)

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """The job of a folder."""
        values = json.loads((folder / _JOB_FILE).read_text(encoding="utf-8"))
        train, kind = _trainers()[values["train"]]
        return cls(
            train,
            pq.read_table(folder / _SFT_FILE),
            TypeAdapter(kind).validate_python(values["recipe"]),
            Path(values["destination"]),
            values["data"],
            Path(values["work"]),
        )


def _trainers() -> dict[str, tuple[Callable[..., Any], type]]:
    """The functions that train a refiner, each with the recipe that it takes."""
    from prox_assets.refiner.generative.training import train_generative_refiner
    from prox_assets.refiner.scoring.training import train_chunk_refiner, train_document_refiner

    recipes: list[tuple[Callable[..., Any], type]] = [
        (train_document_refiner, Recipe),
        (train_chunk_refiner, Recipe),
        (train_generative_refiner, CausalRecipe),
    ]
    return {train.__name__: (train, kind) for train, kind in recipes}


def train_in_processes(
    processes: int,
    train: Callable[..., Any],
    sft: pa.Table,
    recipe: Any,
    destination: Path,
    data: str,
    progress: Progress,
    work: Path | None,
) -> None:
    """Run `train` in that many processes of this machine; each takes its share of every step's batches.

    Raises RefinerError when one of them fails; what they left in `work` is taken up by the next run.
    """
    with work_folder(work) as folder, scratch_folder("training-job") as place:
        Job(train, sft, recipe, destination, data, folder).write(place)
        command = [*_launcher(processes), "--module", "prox_assets.refiner.launching", str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout or ():
                if line.startswith(_POINT):
                    progress(_point(line.removeprefix(_POINT)))
    if running.returncode:
        raise RefinerError(
            f"One of {processes} training processes failed (status {running.returncode}); its message is in "
            "the log above. Correct what it says and train again: training goes on from its last state."
        )


def run_job(job: Job) -> None:
    """One process of a training. The first one's checkpoint is the result; the others' are alike."""
    main = int(os.environ["RANK"]) == 0
    _take_device(int(os.environ["LOCAL_RANK"]))
    with scratch_folder("training-spare") as spare:
        destination = job.destination if main else spare / "refiner"
        job.train(job.sft, job.recipe, destination, job.data, _print_point if main else _nothing, job.work)


def _launcher(processes: int) -> list[str]:
    import torch

    devices = torch.cuda.device_count()
    if 0 < devices < processes:
        raise RefinerError(
            f"training.processes is {processes} and there are {devices} GPUs. Give at most one a GPU."
        )
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]


def _take_device(number: int) -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(number)


def _print_point(point: StepPoint | EpochPoint) -> None:
    print(_POINT + json.dumps([type(point).__name__, asdict(point)]), flush=True)


def _nothing(point: StepPoint | EpochPoint) -> None:
    pass


def _point(line: str) -> StepPoint | EpochPoint:
    kind, values = json.loads(line)
    found: StepPoint | EpochPoint = _KINDS[kind](**values)
    return found


if __name__ == "__main__":
    run_job(Job.read(Path(sys.argv[1])))
