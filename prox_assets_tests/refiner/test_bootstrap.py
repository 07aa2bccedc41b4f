"""Intervals over documents, against cases where the answer is known."""

import numpy as np
import pytest

from prox_assets.refiner.metrics import document_f1, f1_difference, f1_interval, hits


def test_hits_by_document() -> None:
    predicted = np.array([True, True, False, True])
    truth = np.array([True, False, True, True])
    found = hits(predicted, truth, np.array([0, 0, 2, 2]), 3)
    assert found.right.tolist() == [1, 0, 1]
    assert found.predicted.tolist() == [2, 0, 1]
    assert found.wanted.tolist() == [1, 0, 2]
    # {a, b} against {a}: 2/3; nothing against nothing: 1; {d} against {c, d}: 2/3.
    assert document_f1(found) == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)


def test_without_differences_between_documents_the_interval_is_a_point() -> None:
    truth = np.array([True, True] * 20)
    predicted = np.array([True, False] * 20)
    found = f1_interval(hits(predicted, truth, np.repeat(np.arange(20), 2), 20))
    assert (found.low, found.high) == pytest.approx((2 / 3, 2 / 3))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    inside = 0
    for seed in range(60):
        # Half of the documents are wholly right and half wholly missed: F1 of the population is 2/3.
        right = random.random(80) < 0.5
        found = f1_interval(hits(right, np.ones(80, dtype=bool), np.arange(80), 80), seed)
        inside += found.low <= 2 / 3 <= found.high
    assert 50 <= inside <= 60


def test_paired_differences_are_surer_than_single_scores() -> None:
    random = np.random.default_rng(2)
    truth, document = random.random(2000) < 0.5, np.repeat(np.arange(100), 20)
    hard = random.random(100)[document]
    noise = random.random(2000)
    good, better = truth ^ (noise < hard * 0.5), truth ^ (noise < hard * 0.45)
    one, other = (hits(predicted, truth, document, 100) for predicted in (better, good))
    apart = f1_interval(one)
    between = f1_difference(one, other)
    assert 0 < between.low < between.high
    assert between.high - between.low < apart.high - apart.low
    same = f1_difference(one, one)
    assert (same.low, same.high) == (0, 0)
