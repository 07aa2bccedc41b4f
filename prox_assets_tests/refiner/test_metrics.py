"""The scores against cases small enough to work out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.refiner import metrics

SCORES = np.array([0.9, 0.8, 0.7, 0.3, 0.2])
TRUTH = np.array([True, False, True, True, False])


def test_precision_recall_f1_by_hand() -> None:
    found = metrics.at_threshold(SCORES, TRUTH, 0.7)
    assert (found.precision, found.recall, found.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    nothing = metrics.at_threshold(SCORES, TRUTH, 0.95)
    assert (nothing.precision, nothing.recall, nothing.f1) == (0, 0, 0)


def test_average_precision_by_hand() -> None:
    assert metrics.average_precision(SCORES, TRUTH) == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


def test_tied_scores_make_one_cut() -> None:
    tied = np.array([0.5, 0.5, 0.5, 0.5])
    truth = np.array([True, False, False, True])
    assert metrics.average_precision(tied, truth) == pytest.approx(0.5)
    assert metrics.roc_auc(tied, truth) == pytest.approx(0.5)


def test_roc_auc_counts_pairs() -> None:
    # Positives 0.9, 0.7, 0.3 against negatives 0.8, 0.2: 2 + 1 + 1 of 6 pairs are in order.
    assert metrics.roc_auc(SCORES, TRUTH) == pytest.approx(4 / 6)
    assert np.isnan(metrics.roc_auc(SCORES, np.ones(5, dtype=bool)))


def test_calibration_error_by_hand() -> None:
    scores = np.array([0.01, 0.03, 0.99, 1.0])
    truth = np.array([False, True, True, True])
    # First bin: confidence 0.02, frequency 0.5, half the lines; last: 0.995 against 1, the other half.
    assert metrics.expected_calibration_error(scores, truth) == pytest.approx(0.48 / 2 + 0.005 / 2)


def test_best_threshold_lies_between_the_scores_it_parts() -> None:
    assert metrics.best_f1_threshold(np.array([0.9, 0.8, 0.2]), np.array([True, True, False])) == 0.5
    # All three cuts that keep every positive: the best F1 is at 0.3 (3 of 4 right, none missed).
    assert metrics.best_f1_threshold(SCORES, TRUTH) == pytest.approx(0.25)
    assert metrics.best_f1(SCORES, TRUTH) == pytest.approx(6 / 7)


def test_a_precision_floor_moves_the_threshold_or_finds_none() -> None:
    assert metrics.best_f1_threshold(SCORES, TRUTH, precision_floor=0.9) == pytest.approx(0.85)
    assert (
        metrics.best_f1_threshold(np.array([0.9, 0.1]), np.array([False, True]), precision_floor=0.9) is None
    )
    assert metrics.best_f1_threshold(SCORES, np.zeros(5, dtype=bool)) is None


def test_nothing_to_score() -> None:
    empty = np.zeros(0)
    assert metrics.best_f1(empty, empty.astype(bool)) == 0
    assert metrics.best_f1_threshold(empty, empty.astype(bool)) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40))
def test_the_best_threshold_reaches_the_best_f1(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 20 for score, _ in rows])
    truth = np.array([label for _, label in rows])
    threshold = metrics.best_f1_threshold(scores, truth)
    brute = max(metrics.at_threshold(scores, truth, cut).f1 for cut in {*scores.tolist(), 1.1})
    if threshold is None:
        assert brute == 0
    else:
        assert metrics.at_threshold(scores, truth, threshold).f1 == pytest.approx(brute)
        assert metrics.best_f1(scores, truth) == pytest.approx(brute)


def test_good_thresholds_are_those_that_cost_little() -> None:
    scores = np.array([0.9, 0.8, 0.6, 0.4, 0.1])
    truth = np.array([True, True, False, True, False])
    # Cuts, strictest first: F1 0.5, 0.8, 2/3, 6/7, 3/4.
    assert metrics.good_thresholds(scores, truth, 0.0).tolist() == pytest.approx([0.25])
    assert metrics.good_thresholds(scores, truth, 0.06).tolist() == pytest.approx([0.7, 0.25])
    assert metrics.good_thresholds(scores, np.zeros(5, dtype=bool), 0.5).tolist() == []
