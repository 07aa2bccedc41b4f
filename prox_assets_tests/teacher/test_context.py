from itertools import pairwise, product
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.teacher.rules.judging import Chain, Placement, noise_probabilities, placed

evidence = st.lists(st.floats(-5, 5), min_size=1, max_size=7)
chances = st.floats(0.05, 0.95)


@given(evidence, chances, chances)
def test_probabilities_are_those_of_the_chain_summed_over_all_paths(
    values: list[float], enter: float, leave: float
) -> None:
    weights = dict.fromkeys(product((0, 1), repeat=len(values)), 0.0)
    start, moves = (leave, enter), ((1 - enter, enter), (leave, 1 - leave))
    for path in weights:
        weight = start[path[0]]
        for before, after in pairwise(path):
            weight *= moves[before][after]
        weights[path] = weight * exp(sum(v for v, noise in zip(values, path, strict=True) if noise))
    total = sum(weights.values())
    expected = [sum(w for path, w in weights.items() if path[n]) / total for n in range(len(values))]
    assert noise_probabilities(values, Chain(enter, leave)) == pytest.approx(expected, rel=1e-6)


def test_a_weak_line_takes_the_class_of_its_neighbours() -> None:
    chain = Chain()
    assert noise_probabilities([3, 0, 3], chain)[1] > 0.5 > noise_probabilities([-3, 0, -3], chain)[1]


def test_strong_evidence_stands_against_its_neighbours() -> None:
    assert noise_probabilities([-2, 4, -2], Chain())[1] > 0.5


def test_no_line_no_probability() -> None:
    assert noise_probabilities([], Chain()) == []


def test_places_before_between_and_after_the_good_lines() -> None:
    placement = Placement(head=0.5, inside=-0.25, tail=1.0, good=-1.0)
    assert placed([1, -2, 0, 1, -2, 1], placement) == [1.5, -2.25, 0, 0.75, -2.25, 2.0]


def test_without_good_lines_there_is_no_middle() -> None:
    assert placed([1, -2, 1], Placement()) == [1, -2, 1]
