from statistics import fmean

import pytest

from prox_assets.baselines.pretraining import PairedDifference, PretrainingRun, t_quantile

# Two-sided 95% points as printed in any table of Student's t.
TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize(("freedom", "value"), TABLE.items())
def test_quantiles_agree_with_the_table(freedom: int, value: float) -> None:
    assert t_quantile(0.95, freedom) == pytest.approx(value, abs=5e-4)


def test_a_difference_of_three_pairs() -> None:
    difference = PairedDifference.of([-0.1, -0.2, -0.3])
    assert difference.mean == pytest.approx(-0.2)
    assert difference.interval == pytest.approx(
        (-0.2 - 4.3027 * 0.1 / 3**0.5, -0.2 + 4.3027 * 0.1 / 3**0.5), 1e-4
    )
    assert str(difference) == "-0.200 (95% interval -0.448 to +0.048)"


def test_one_pair_has_no_interval() -> None:
    assert PairedDifference.of([0.25]) == PairedDifference(0.25, None)
    assert str(PairedDifference.of([0.25])) == "+0.250 (interval n/a: one seed)"


def test_the_final_loss_is_that_of_the_last_tenth() -> None:
    losses = tuple(float(step) for step in range(20))
    run = PretrainingRun("a", 0, losses, 2.0, tokens_seen=300, unique_tokens=200, seconds=1.0)
    assert run.final_training_loss == fmean([18.0, 19.0])
    assert run.epochs == 1.5
