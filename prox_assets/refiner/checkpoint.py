"""What a refiner's folder holds beside the Hugging Face files: `prox.json` and the training curves."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from prox_assets.documents.names import is_finite
from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.inference.checkpoint_check import CONFIG_FILE, read_config, read_json, usable_positions
from prox_assets.refiner.gate import Evidence
from prox_assets.refiner.thresholds import AS_IT_IS, REMOVE_NOTHING, Calibration, Goal, OperatingPoint


@dataclass(frozen=True, slots=True)
class StepPoint:
    """One optimizer step. `steps`: how many there will be; `tokens`: real tokens seen so far."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    tokens: int


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """The validation F1 (at its best threshold) after an epoch, which ended at `step`."""

    epoch: int
    step: int
    training_loss: float
    validation_f1: float


Progress = Callable[[StepPoint | EpochPoint], None]


def no_progress(point: StepPoint | EpochPoint) -> None:
    """Report nothing."""


@dataclass(slots=True)
class Curves:
    """All points of one training run, in order."""

    steps: list[StepPoint] = field(default_factory=list)
    epochs: list[EpochPoint] = field(default_factory=list)

    @property
    def best_epoch(self) -> EpochPoint:
        """The first epoch of the highest validation F1."""
        return max(self.epochs, key=lambda point: point.validation_f1)

    def to_json(self) -> dict[str, Any]:
        """Lists of plain points."""
        return {
            "steps": [asdict(point) for point in self.steps],
            "epochs": [asdict(point) for point in self.epochs],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Curves":
        """Back from `to_json`."""
        return cls([StepPoint(**v) for v in values["steps"]], [EpochPoint(**v) for v in values["epochs"]])


INFO_FILE, CURVES_FILE, CARD_FILE = "prox.json", "curves.json", "README.md"
POINTS_FILE = "operating_points.json"
KINDS = ("scoring", "generative")
_MIN_SPAN_CHARS = 3


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
    min_span_chars: int = _MIN_SPAN_CHARS


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """`prox.json`: what the refiner does, at which thresholds, how well on validation data, and how it was
    made.

    `window` is the most tokens of a sequence, specials included; `overlap` those on either side that belong
    to its neighbours. Thresholds are of calibrated scores; `calibration` says how they come from the model's.
    A removal threshold of `aims.REMOVE_NOTHING` is reached by no score. `evidence` is what the quality gate
    asks for; None where nothing was measured.
    """

    task: Task
    window: int
    thresholds: DocumentThresholds | ChunkThresholds
    metrics: dict[str, float]
    recipe: dict[str, Any]
    kind: str = "scoring"
    calibration: Calibration = AS_IT_IS
    overlap: int = 0
    evidence: Evidence | None = None

    def write(self, folder: Path) -> None:
        """Write `prox.json` into `folder`."""
        values = asdict(self) | {"metrics": _finite(self.metrics)}
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / INFO_FILE).write_text(text + "\n", encoding="utf-8")


def read_info(checkpoint: Path, task: Task) -> CheckpointInfo:
    """The checkpoint's `prox.json`, every value of it checked.

    Raises RefinerError when it is missing or unreadable, of another task than `task`, or holds a value that
    cannot be: a threshold that is no number from 0 to 1, a window that the model beside it does not take.
    """
    path = checkpoint / INFO_FILE
    if not path.is_file():
        raise RefinerError(
            f"No refiner at {checkpoint}: {INFO_FILE} is missing. Materialize the {task} refiner, "
            "or correct the path."
        )
    values = read_json(path)
    try:
        info = _info(values)
        _check_positions(checkpoint, info.window)
    except ValueError as error:
        raise RefinerError(f"{path} cannot be read: {error}. Train the refiner again.") from error
    if info.task is not task:
        raise RefinerError(
            f"{checkpoint} is a {info.task} refiner; give the {task} refiner's directory here."
        )
    return info


def _check_positions(checkpoint: Path, window: int) -> None:
    if not (checkpoint / CONFIG_FILE).is_file():
        return
    limit = usable_positions(read_config(checkpoint))
    if limit is not None and window > limit:
        raise ValueError(f"window is {window}, and the model beside it takes {limit} tokens")


def _info(values: dict[str, Any]) -> CheckpointInfo:
    """The content of `prox.json`. Raises ValueError with the key that is wrong."""
    known = [entry.name for entry in fields(CheckpointInfo)]
    _require_keys(values, known, ("task", "window", "thresholds", "metrics", "recipe"), "")
    task = Task(_one_of(values, "task", tuple(Task)))
    window = _integer(values, "window", 2)
    overlap = _integer(values, "overlap", 0) if "overlap" in values else 0
    if 2 * overlap >= window:
        raise ValueError(f"overlap is {overlap}, which leaves nothing of a window of {window}")
    return CheckpointInfo(
        task,
        window,
        _thresholds(task, _object(values, "thresholds")),
        {name: _number(_object(values, "metrics"), name) for name in _object(values, "metrics")},
        _object(values, "recipe"),
        _one_of(values, "kind", KINDS) if "kind" in values else KINDS[0],
        _calibration(_object(values, "calibration")) if "calibration" in values else AS_IT_IS,
        overlap,
        _evidence(_object(values, "evidence")) if values.get("evidence") is not None else None,
    )


def _thresholds(task: Task, values: dict[str, Any]) -> DocumentThresholds | ChunkThresholds:
    if task is Task.DOCUMENT:
        _require_keys(values, ("keep",), ("keep",), "thresholds.")
        return DocumentThresholds(_number(values, "keep", 1 - REMOVE_NOTHING, 1.0))
    _require_keys(values, ("line", "span", "min_span_chars"), ("line",), "thresholds.")
    span = None if values.get("span") is None else _number(values, "span", 0.0, REMOVE_NOTHING)
    shortest = _integer(values, "min_span_chars", 1) if "min_span_chars" in values else _MIN_SPAN_CHARS
    return ChunkThresholds(_number(values, "line", 0.0, REMOVE_NOTHING), span, shortest)


def _calibration(values: dict[str, Any]) -> Calibration:
    _require_keys(values, ("slope", "offset"), (), "calibration.")
    slope = _number(values, "slope", 0.0) if "slope" in values else 1.0
    if slope == 0.0:
        raise ValueError("slope is 0, which makes all scores alike")
    return Calibration(slope, _number(values, "offset") if "offset" in values else 0.0)


def _evidence(values: dict[str, Any]) -> Evidence:
    names = [entry.name for entry in fields(Evidence)]
    _require_keys(values, names, names, "evidence.")
    area, low, high = (
        None if values[name] is None else _number(values, name, 0.0, 1.0)
        for name in ("roc_auc", "roc_auc_low", "roc_auc_high")
    )
    if len({value is None for value in (area, low, high)}) > 1:
        raise ValueError("evidence has an area under the curve without its interval")
    return Evidence(
        _integer(values, "n_documents", 0),
        _integer(values, "n_positive", 0),
        _integer(values, "n_negative", 0),
        _integer(values, "positive_documents", 0),
        _integer(values, "negative_documents", 0),
        area,
        low,
        high,
        _number(values, "f1", 0.0, 1.0),
        _number(values, "keep_all_f1", 0.0, 1.0),
        _one_of(values, "goal", tuple(Goal)),
    )


def _require_keys(values: dict[str, Any], known: Sequence[str], needed: Sequence[str], section: str) -> None:
    unknown = sorted(values.keys() - set(known))
    if unknown:
        raise ValueError(f"{section}{unknown[0]} is no key of it; the keys are {', '.join(known)}")
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError(f"{section}{missing[0]} is missing")


def _number(values: dict[str, Any], name: str, low: float = -math.inf, high: float = math.inf) -> float:
    value = values[name]
    if not is_finite(value) or not low <= value <= high:
        allowed = f" from {max(low, 0.0):g} to {high:g}" if math.isfinite(high) else ""
        raise ValueError(f"{name} is {value!r:.40} and should be a finite number{allowed}")
    return float(value)


def _integer(values: dict[str, Any], name: str, least: int) -> int:
    value = values[name]
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is {value!r:.40} and should be an integer of at least {least}")
    return value


def _one_of(values: dict[str, Any], name: str, known: Sequence[str]) -> str:
    value = values[name]
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {value!r:.40} and should be one of {', '.join(known)}")
    return value


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values[name]
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r:.40} and should be an object")
    return value


def _finite(metrics: dict[str, float]) -> dict[str, float]:
    """The metrics that are numbers: what was measured on nothing is not one, and JSON has no word for it."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def read_curves(checkpoint: Path) -> Curves:
    """The training curves of a checkpoint. Raises RefinerError when they are missing or unreadable."""
    path = checkpoint / CURVES_FILE
    values = read_json(path)
    try:
        return Curves.from_json(values)
    except (ValueError, TypeError, KeyError) as error:
        raise RefinerError(f"{path} cannot be read ({error!r}). Train the refiner again.") from error


def write_curves(curves: Curves, folder: Path) -> None:
    """Write `curves.json` into `folder`."""
    (folder / CURVES_FILE).write_text(json.dumps(curves.to_json()), encoding="utf-8")


def write_points(points: Sequence[OperatingPoint], folder: Path) -> None:
    """Write `operating_points.json` into `folder`: what other thresholds would do on validation data."""
    (folder / POINTS_FILE).write_text(json.dumps([asdict(point) for point in points]), encoding="utf-8")
