"""What a refiner's directory holds beside the Hugging Face files: `prox.json` and the training curves."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.refiner.aims import OperatingPoint
from prox_assets.refiner.calibration import AS_IT_IS, Calibration
from prox_assets.refiner.curves import Curves

INFO_FILE, CURVES_FILE, CARD_FILE = "prox.json", "curves.json", "README.md"
POINTS_FILE = "operating_points.json"


@dataclass(frozen=True, slots=True)
class DocumentThresholds:
    """A document is kept when its keep probability reaches `keep`."""

    keep: float = 0.5


@dataclass(frozen=True, slots=True)
class ChunkThresholds:
    """A line goes when its score reaches `line`; in the lines that stay, a run of tokens that reach `span`
    goes.

    `span` None removes nothing inside lines. Runs of fewer than `min_span_chars` characters stay.
    """

    line: float = 0.5
    span: float | None = None
    min_span_chars: int = 3


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """`prox.json`: what the refiner does, at which thresholds, how well on validation data, and how it was
    made.

    `window` is the most tokens of a sequence, specials included; `overlap` those on either side that belong
    to its neighbours. Thresholds are of calibrated scores; `calibration` says how they come from the model's.
    """

    task: Task
    window: int
    thresholds: DocumentThresholds | ChunkThresholds
    metrics: dict[str, float]
    recipe: dict[str, Any]
    kind: str = "scoring"
    calibration: Calibration = AS_IT_IS
    overlap: int = 0

    def write(self, folder: Path) -> None:
        """Write `prox.json` into `folder`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / INFO_FILE).write_text(text + "\n", encoding="utf-8")


def read_info(checkpoint: Path, task: Task) -> CheckpointInfo:
    """The checkpoint's `prox.json`.

    Raises RefinerError when it is missing, unreadable, or of another task than `task`.
    """
    path = checkpoint / INFO_FILE
    if not path.is_file():
        raise RefinerError(
            f"No refiner at {checkpoint}: {INFO_FILE} is missing. Materialize the {task} refiner, "
            "or correct the path."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = Task(values.pop("task"))
        thresholds = _thresholds(found, values.pop("thresholds"))
        calibration = Calibration(**values.pop("calibration", {}))
        info = CheckpointInfo(task=found, thresholds=thresholds, calibration=calibration, **values)
    except (ValueError, TypeError, KeyError) as error:
        raise RefinerError(f"{path} cannot be read ({error!r}). Train the refiner again.") from error
    if info.task is not task:
        raise RefinerError(
            f"{checkpoint} is a {info.task} refiner; give the {task} refiner's directory here."
        )
    return info


def read_curves(checkpoint: Path) -> Curves:
    """The training curves of a checkpoint."""
    return Curves.from_json(json.loads((checkpoint / CURVES_FILE).read_text(encoding="utf-8")))


def write_curves(curves: Curves, folder: Path) -> None:
    """Write `curves.json` into `folder`."""
    (folder / CURVES_FILE).write_text(json.dumps(curves.to_json()), encoding="utf-8")


def write_points(points: Sequence[OperatingPoint], folder: Path) -> None:
    """Write `operating_points.json` into `folder`: what other thresholds would do on validation data."""
    (folder / POINTS_FILE).write_text(json.dumps([asdict(point) for point in points]), encoding="utf-8")


def read_points(checkpoint: Path) -> list[OperatingPoint]:
    """The thresholds that a checkpoint offers, strictest first."""
    rows = json.loads((checkpoint / POINTS_FILE).read_text(encoding="utf-8"))
    return [OperatingPoint(**row) for row in rows]


@contextmanager
def replacing(destination: Path) -> Iterator[Path]:
    """A temporary folder beside `destination` that takes its place when the block ends well.

    Whoever reads `destination` finds the old directory or the new one, whole.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    token = uuid4().hex[:8]
    fresh = destination.with_name(f".{destination.name}.{token}.new")
    old = destination.with_name(f".{destination.name}.{token}.old")
    fresh.mkdir()
    try:
        yield fresh
        if destination.exists():
            destination.rename(old)
        fresh.rename(destination)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _thresholds(task: Task, values: dict[str, Any]) -> DocumentThresholds | ChunkThresholds:
    return DocumentThresholds(**values) if task is Task.DOCUMENT else ChunkThresholds(**values)
