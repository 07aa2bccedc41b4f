"""Thresholds reach their aim on the data they were chosen on, and no looser one would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.refiner.thresholds import Aim, Goal, keep_threshold, operating_points, removal_threshold

SCORES = np.array([0.95, 0.9, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1])
NOISE = np.array([True, True, False, True, True, False, False, False])


def test_a_retention_floor_takes_as_much_as_it_may() -> None:
    # Of four clean lines one may go: everything down to 0.4 goes, the clean line at 0.8 with it.
    assert removal_threshold(SCORES, NOISE, Aim(Goal.RETENTION, 0.75)) == pytest.approx(0.35)
    assert removal_threshold(SCORES, NOISE, Aim(Goal.RETENTION, 0.9)) == pytest.approx(0.85)


def test_a_precision_floor_takes_as_much_as_it_may() -> None:
    assert removal_threshold(SCORES, NOISE, Aim(Goal.PRECISION, 0.8)) == pytest.approx(0.35)
    assert removal_threshold(SCORES, NOISE, Aim(Goal.PRECISION, 0.9)) == pytest.approx(0.85)


def test_a_floor_that_nothing_reaches_removes_nothing() -> None:
    wrong = removal_threshold(np.array([0.9, 0.2]), np.array([False, True]), Aim(Goal.PRECISION, 0.9))
    assert wrong == pytest.approx(0.95)
    assert removal_threshold(np.array([1.0]), np.array([False]), Aim(Goal.RETENTION, 1.0)) > 1.0


def test_floors_for_documents_are_of_dropping() -> None:
    keep = 1 - SCORES
    assert keep_threshold(keep, ~NOISE, Aim(Goal.RETENTION, 0.75)) == pytest.approx(0.65)
    threshold = keep_threshold(keep, ~NOISE, Aim(Goal.PRECISION, 0.9))
    dropped = keep < threshold
    assert (dropped & NOISE).sum() == 2 == dropped.sum()


def test_best_f1_is_of_removing_lines_and_of_keeping_documents() -> None:
    assert removal_threshold(SCORES, NOISE, Aim(slack=0.0)) == pytest.approx(0.35)
    assert keep_threshold(SCORES, NOISE, Aim(slack=0.0)) == pytest.approx(0.35)
    assert removal_threshold(SCORES, np.zeros(8, dtype=bool), Aim()) == 0.5


rows = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


@given(rows, st.floats(0, 1), st.sampled_from([Goal.RETENTION, Goal.PRECISION]))
def test_the_floor_holds(found: list[tuple[int, bool]], floor: float, goal: Goal) -> None:
    scores = np.array([score / 20 for score, _ in found])
    noise = np.array([label for _, label in found])
    threshold = removal_threshold(scores, noise, Aim(goal, floor))
    gone = scores >= threshold
    if goal is Goal.PRECISION:
        assert (gone & noise).sum() >= floor * gone.sum() - 1e-9
    else:
        assert (~gone & ~noise).sum() >= floor * (~noise).sum() - 1e-9


@given(rows)
def test_operating_points_say_what_thresholds_do(found: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 20 for score, _ in found])
    noise = np.array([label for _, label in found])
    for point in operating_points(scores, noise):
        gone = scores >= point.threshold
        assert point.precision == pytest.approx((gone & noise).sum() / gone.sum())
        if (~noise).any():
            assert point.retention == pytest.approx((~gone & ~noise).sum() / (~noise).sum())
    assert len(operating_points(scores, noise)) == len(set(scores))
