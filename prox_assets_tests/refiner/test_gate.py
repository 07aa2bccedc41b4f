"""The quality gate: what validation data have to show before a corpus is refined."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.inference import Task
from prox_assets.refiner.gate import LEAST_OF_EACH_CLASS, Evidence, GateVerdict, measured, quality_gate
from prox_assets.refiner.metrics import auc_interval, roc_auc
from prox_assets.refiner.thresholds import Aim, Goal, keep_threshold


def _documents(n_keep: int, n_drop: int, apart: float, seed: int = 0) -> Evidence:
    """The evidence of scores whose classes lie `apart` standard deviations from one another."""
    random = np.random.default_rng(seed)
    truth = np.arange(n_keep + n_drop) < n_keep
    scores = 1 / (1 + np.exp(-(random.normal(size=len(truth)) + apart * truth)))
    threshold = keep_threshold(scores, truth, Aim())
    return measured(scores, truth, np.arange(len(truth)), threshold, Task.DOCUMENT)


@pytest.mark.parametrize(
    ("n_keep", "n_drop", "apart", "verdict"),
    [
        (60, 40, 3.0, GateVerdict.USABLE),
        (60, 40, 0.0, GateVerdict.NO_BETTER),
        (60, 40, -1.0, GateVerdict.NO_BETTER),
        (60, 2, 3.0, GateVerdict.TOO_FEW),
        (2, 60, 3.0, GateVerdict.TOO_FEW),
        (60, 0, 3.0, GateVerdict.TOO_FEW),
        (0, 0, 0.0, GateVerdict.TOO_FEW),
    ],
)
def test_verdicts(n_keep: int, n_drop: int, apart: float, verdict: GateVerdict) -> None:
    gate = quality_gate(_documents(n_keep, n_drop, apart), Task.DOCUMENT)
    assert gate.verdict is verdict
    assert gate.is_reliable is (verdict is GateVerdict.USABLE)


def test_a_checkpoint_without_figures_is_not_measured() -> None:
    assert quality_gate(None, Task.CHUNK).verdict is GateVerdict.NOT_MEASURED
    assert quality_gate(None, Task.CHUNK).is_reliable


def test_the_bound_is_on_either_class_and_can_be_moved() -> None:
    evidence = _documents(60, LEAST_OF_EACH_CLASS - 1, 3.0)
    assert "9 documents to drop among 69 for validation, 10 are needed" in str(
        quality_gate(evidence, Task.DOCUMENT)
    )
    assert quality_gate(evidence, Task.DOCUMENT, least=9).verdict is GateVerdict.USABLE


def test_a_worse_f1_than_that_of_keeping_everything_counts_where_f1_is_the_goal() -> None:
    evidence = replace(_documents(60, 40, 3.0), f1=0.74)
    assert evidence.keep_all_f1 == pytest.approx(0.75)
    assert quality_gate(evidence, Task.DOCUMENT).verdict is GateVerdict.NO_BETTER
    floor = replace(evidence, goal=Goal.RETENTION.value)
    assert quality_gate(floor, Task.DOCUMENT).verdict is GateVerdict.USABLE


def test_lines_are_as_many_draws_as_there_are_documents() -> None:
    """A thousand lines of four documents are four draws: what one site repeats is no evidence."""
    random = np.random.default_rng(0)
    truth = random.random(4000) < 0.4
    scores = np.clip(truth * 0.1 + random.random(4000), 0, 1)
    alone = auc_interval(scores, truth, np.arange(4000))
    noisy = np.where(np.arange(4000) < 1000, 1 - scores, scores)
    together = auc_interval(noisy, truth, np.arange(4000) // 1000)
    assert alone is not None and together is not None
    assert together.high - together.low > 3 * (alone.high - alone.low)
    evidence = measured(scores, truth, np.arange(4000) // 1000, 0.5, Task.CHUNK)
    assert (evidence.n_documents, evidence.positive_documents) == (4, 4)
    assert quality_gate(evidence, Task.CHUNK).verdict is GateVerdict.TOO_FEW


@given(seed=st.integers(0, 1000), n=st.integers(4, 60))
@settings(max_examples=8, deadline=None)
def test_the_interval_is_that_of_the_area(seed: int, n: int) -> None:
    """Draw by draw the weighted area is the area of the drawn rows, ties included."""
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.5
    scores = np.round(random.random(n), 1)
    interval = auc_interval(scores, truth, np.arange(n), seed)
    if not truth.any() or truth.all():
        assert interval is None
        return
    assert interval is not None
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=1000)
    rows = [np.repeat(np.arange(n), draw) for draw in draws]
    areas = [area for one in rows if not np.isnan(area := roc_auc(scores[one], truth[one]))]
    assert interval.low == pytest.approx(np.quantile(areas, 0.025))
    assert interval.high == pytest.approx(np.quantile(areas, 0.975))
