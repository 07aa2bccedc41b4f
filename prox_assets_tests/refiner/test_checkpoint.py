"""`prox.json` is believed in nothing: every value is checked before a corpus is refined with it."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.refiner.checkpoint import (
    CheckpointInfo,
    ChunkThresholds,
    DocumentThresholds,
    read_curves,
    read_info,
)
from prox_assets.refiner.gate import Evidence
from prox_assets.refiner.thresholds import REMOVE_NOTHING, Calibration, Goal

EVIDENCE = Evidence(40, 300, 700, 38, 40, 0.9, 0.85, 0.95, 0.7, 0.0, Goal.RETENTION.value)
CHUNK = CheckpointInfo(
    Task.CHUNK,
    256,
    ChunkThresholds(0.4, 0.9, 3),
    {"f1": 0.7, "n_lines": 1000.0},
    {"task": "chunk", "base": None},
    calibration=Calibration(1.2, -0.3),
    overlap=32,
    evidence=EVIDENCE,
)


def _written(folder: Path, values: dict[str, Any]) -> Path:
    (folder / "prox.json").write_text(json.dumps(values))
    return folder


def _changed(values: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    if not path:
        return value  # type: ignore[no-any-return]
    return values | {path[0]: _changed(values[path[0]] if path[1:] else {}, path[1:], value)}


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("line", [0.0, 0.5, 1.0, REMOVE_NOTHING])
def test_what_is_written_is_read(tmp_path: Path, keep: float, line: float) -> None:
    document = CheckpointInfo(Task.DOCUMENT, 2, DocumentThresholds(keep), {"f1": math.nan}, {})
    document.write(tmp_path)
    assert read_info(tmp_path, Task.DOCUMENT).thresholds == DocumentThresholds(keep)
    assert read_info(tmp_path, Task.DOCUMENT).metrics == {}, "what is no number is no metric"
    chunk = CheckpointInfo(
        **{**{name: getattr(CHUNK, name) for name in CHUNK.__slots__}, "thresholds": ChunkThresholds(line)}
    )
    chunk.write(tmp_path)
    assert read_info(tmp_path, Task.CHUNK) == chunk


NUMBERS = [
    ("thresholds", "line"),
    ("thresholds", "span"),
    ("calibration", "slope"),
    ("calibration", "offset"),
    ("metrics", "f1"),
    ("evidence", "roc_auc"),
    ("evidence", "f1"),
]
INTEGERS = [("window",), ("overlap",), ("thresholds", "min_span_chars"), ("evidence", "n_documents")]
OTHERS = st.text(max_size=3) | st.booleans() | st.lists(st.integers(), max_size=1) | st.just({"a": 1})
NOT_NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, 10**400]) | OTHERS
NOT_COUNTS = st.floats() | st.integers(max_value=-1) | OTHERS


@given(
    case=st.tuples(st.sampled_from(NUMBERS), NOT_NUMBERS) | st.tuples(st.sampled_from(INTEGERS), NOT_COUNTS)
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_another_kind_is_read(tmp_path: Path, case: tuple[tuple[str, ...], Any]) -> None:
    path, value = case
    with pytest.raises(RefinerError, match=rf"prox.json cannot be read: {path[-1]}") as refused:
        read_info(_written(tmp_path, _changed(asdict(CHUNK), path, value)), Task.CHUNK)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("thresholds", "line"), 7, "line is 7 and should be a finite number from 0 to 1"),
        (("thresholds", "line"), -0.01, "line is -0.01"),
        (("thresholds", "span"), 1.01, "span is 1.01"),
        (("thresholds", "lines"), 0.5, "thresholds.lines is no key of it; the keys are line, span"),
        (("calibration", "slope"), 0, "slope is 0"),
        (("calibration", "slope"), -1, "slope is -1"),
        (("window",), 0, "window is 0 and should be an integer of at least 2"),
        (("window",), 64, "overlap is 32, which leaves nothing of a window of 64"),
        (("kind",), "magic", "kind is 'magic' and should be one of scoring, generative"),
        (("task",), "word", "task is 'word'"),
        (("metrics",), [], "metrics is .* should be an object"),
        (("thresholds",), None, "thresholds is None"),
        (("evidence", "roc_auc"), None, "without its interval"),
        (("extra",), 1, "extra is no key of it"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, path: tuple[str, ...], value: Any, message: str) -> None:
    with pytest.raises(RefinerError, match=message):
        read_info(_written(tmp_path, _changed(asdict(CHUNK), path, value)), Task.CHUNK)


def test_a_missing_key_or_a_file_that_is_no_object(tmp_path: Path) -> None:
    for name in ("task", "window", "thresholds", "metrics", "recipe"):
        values = {key: value for key, value in asdict(CHUNK).items() if key != name}
        with pytest.raises(RefinerError, match=f"{name} is missing"):
            read_info(_written(tmp_path, values), Task.CHUNK)
    for text in ("[]", "{", "\ud800", "[" * 100_000):
        (tmp_path / "prox.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(RefinerError, match=r"prox\.json"):
            read_info(tmp_path, Task.CHUNK)
        (tmp_path / "curves.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(RefinerError, match=r"curves\.json"):
            read_curves(tmp_path)


def test_a_window_that_the_model_beside_it_does_not_take(tmp_path: Path) -> None:
    config = {"model_type": "roberta", "max_position_embeddings": 257, "pad_token_id": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RefinerError, match="window is 256, and the model beside it takes 255 tokens"):
        read_info(_written(tmp_path, asdict(CHUNK)), Task.CHUNK)
    (tmp_path / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 258}))
    assert read_info(tmp_path, Task.CHUNK) == CHUNK
