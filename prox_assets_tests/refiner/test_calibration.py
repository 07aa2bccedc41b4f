"""Calibration recovers known distortions, keeps order, and never makes a mess of odd data."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.refiner.metrics import expected_calibration_error
from prox_assets.refiner.thresholds import Calibration, fit_calibration


def test_a_known_distortion_is_undone() -> None:
    random = np.random.default_rng(0)
    honest = random.random(40_000)
    truth = random.random(40_000) < honest
    odds = np.log(honest) - np.log1p(-honest)
    distorted = 1 / (1 + np.exp(-(2.5 * odds + 1.0)))
    found = fit_calibration(distorted, truth)
    assert abs(found.slope - 1 / 2.5) < 0.02
    assert abs(found.offset + 1.0 / 2.5) < 0.03
    assert expected_calibration_error(distorted, truth) > 0.1
    assert expected_calibration_error(found(distorted), truth) < 0.02


def test_honest_scores_stay_as_they_are() -> None:
    random = np.random.default_rng(1)
    honest = random.random(20_000)
    found = fit_calibration(honest, random.random(20_000) < honest)
    assert np.abs(found(honest) - honest).max() < 0.03


def test_scores_that_part_the_classes_get_finite_odds() -> None:
    scores, truth = np.repeat([0.0, 1.0], 50), np.repeat([False, True], 50)
    found = fit_calibration(scores, truth)
    assert 0 < found.slope < 10
    assert np.allclose(found(scores), np.repeat([1 / 52, 51 / 52], 50), atol=1e-3)


def test_no_calibration_where_there_is_nothing_to_learn_from() -> None:
    assert fit_calibration(np.array([0.2, 0.4]), np.array([True, True])) == Calibration()
    misleading = np.linspace(0.1, 0.9, 50)
    assert fit_calibration(misleading, misleading < 0.5) == Calibration()
    assert fit_calibration(np.zeros(0), np.zeros(0, dtype=bool)) == Calibration()


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=2, max_size=60))
def test_order_is_kept_and_likelihood_does_not_fall(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 1000 for score, _ in rows])
    truth = np.array([label for _, label in rows])
    found = fit_calibration(scores, truth)
    order = np.argsort(scores, kind="stable")
    after = found(scores)
    assert (np.diff(after[order]) >= 0).all()
    assert ((after >= 0) & (after <= 1)).all()
