"""What validation data decide, and that a checkpoint carries it to whoever loads it."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds, read_info
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.refiner import ChunkRefiner, prepare_chunks
from prox_assets.refiner.scoring.training import TrainedRefiner
from prox_assets.refiner.scoring.validation import Judged, JudgedChunks, decide_chunks, decide_documents
from prox_assets.refiner.scoring.windows import line_scores, merge_pieces
from prox_assets.refiner.thresholds import AS_IT_IS, Goal
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.sample import SamplePage


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Scores that are twice as sure as they should be."""
    random = np.random.default_rng(3)
    honest = random.random(4000)
    odds = 2 * (np.log(honest) - np.log1p(-honest))
    return Judged(1 / (1 + np.exp(-odds)), random.random(4000) < honest)


def test_scores_are_calibrated_before_the_threshold_is_chosen(judged: Judged) -> None:
    found = decide_documents(judged, Recipe(Task.DOCUMENT))
    assert 0.4 < found.calibration.slope < 0.6
    assert found.metrics["expected_calibration_error"] < found.metrics["uncalibrated_calibration_error"] / 2
    assert isinstance(found.thresholds, DocumentThresholds)
    assert found.thresholds.keep == found.metrics["threshold"]


def test_a_retention_floor_is_kept(judged: Judged) -> None:
    recipe = Recipe(Task.CHUNK, aim=Goal.RETENTION, aim_floor=0.99)
    found = decide_chunks(JudgedChunks(judged, judged), recipe, 10)
    assert isinstance(found.thresholds, ChunkThresholds)
    gone = found.calibration(judged.scores) >= found.thresholds.line
    assert 0.989 <= (~gone[~judged.truth]).mean() < 0.995
    best = decide_chunks(JudgedChunks(judged, judged), Recipe(Task.CHUNK), 10)
    assert found.metrics["f1"] < best.metrics["f1"]


def test_the_checkpoint_carries_calibration_overlap_and_choices(trained_chunks: TrainedRefiner) -> None:
    info = read_info(trained_chunks.path, Task.CHUNK)
    assert info.calibration == trained_chunks.info.calibration
    assert info.calibration != AS_IT_IS
    assert info.overlap == 32
    points = json.loads((trained_chunks.path / "operating_points.json").read_text())
    assert 10 < len(points) <= 101
    assert max(point["f1"] for point in points) >= info.metrics["f1"] - 0.02


def test_a_loaded_refiner_gives_calibrated_line_scores(
    trained_chunks: TrainedRefiner, held_out: Sequence[SamplePage]
) -> None:
    refiner = ChunkRefiner.load(trained_chunks.path, EngineSettings())
    text = max((page.text for page in held_out), key=len)
    (cut,) = prepare_chunks(TextTokenizer.load(trained_chunks.path), refiner.window, [text], refiner.overlap)
    (probabilities,) = refiner.probabilities([cut])
    raw = merge_pieces(
        text.count("\n") + 1,
        [(window, line_scores(window, found)) for window, found in zip(cut, probabilities, strict=True)],
    )
    (scores,) = refiner.line_scores([text])
    assert np.array_equal(np.argsort(raw, kind="stable"), np.argsort(scores, kind="stable"))
    assert not np.allclose(raw, scores, atol=1e-3)
    (chunks,) = refiner.refine([text])
    assert np.allclose(np.concatenate([chunk.line_scores for chunk in chunks]), scores, atol=1e-6)
