import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prox_assets.teacher.agreement import Weights, cohen_kappa, confusion

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=60)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        ([[20, 5], [10, 15]], 0.4),  # the grant proposals of the Wikipedia article
        ([[45, 15], [25, 15]], 0.1304),  # two tables of one agreement and unlike margins, ibid.
        ([[25, 35], [5, 35]], 0.2593),
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.676),  # Fleiss, Statistical Methods, table 13.1
        ([[106, 10, 4], [22, 28, 10], [2, 12, 6]], 0.429),  # Spitzer and others 1967
    ],
)
def test_published_examples(table: list[list[int]], kappa: float) -> None:
    assert cohen_kappa(np.array(table)) == pytest.approx(kappa, abs=5e-4)


@given(points)
def test_quadratic_kappa_is_the_concordance_of_the_scores(pairs: list[tuple[int, int]]) -> None:
    """Fleiss and Cohen 1973: it equals 1 - E(x-y)² / (var x + var y + (mean x - mean y)²)."""
    one, other = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    spread = one.var() + other.var() + (one.mean() - other.mean()) ** 2
    assume(spread > 0)
    table = confusion([int(x) for x in one], [int(y) for y in other], range(6))
    expected = 1 - ((one - other) ** 2).mean() / spread
    assert cohen_kappa(table, Weights.QUADRATIC) == pytest.approx(expected)


@given(points, st.sampled_from(list(Weights)))
def test_the_order_of_the_judges_does_not_matter(pairs: list[tuple[int, int]], weights: Weights) -> None:
    one, other = zip(*pairs, strict=True)
    table = confusion(one, other, range(6))
    assert table.sum() == len(pairs)
    assert cohen_kappa(table, weights) == pytest.approx(cohen_kappa(table.T, weights))


def test_kappa_needs_two_values() -> None:
    assert cohen_kappa(np.array([[7, 0], [0, 0]])) is None
    assert cohen_kappa(np.zeros((2, 2), np.int64)) is None
    assert cohen_kappa(np.array([[3, 0], [0, 4]])) == 1.0
