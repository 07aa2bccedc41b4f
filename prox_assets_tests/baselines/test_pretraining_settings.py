from typing import Any

import pytest

from prox_assets.baselines.pretraining_model import PretrainingSettings
from prox_assets.config import PretrainingComparison
from prox_assets.errors import RefinerError


def test_settings_follow_the_catalogue() -> None:
    section = PretrainingComparison(
        steps=7, seeds=(3, 4), hidden_size=64, layers=1, batch_tokens=700, context=100
    )
    settings = PretrainingSettings.of(section, threads=3)
    assert {name: getattr(settings, name) for name in section.model_dump()} == section.model_dump()
    assert settings.threads == 3
    assert (settings.rows, settings.budget) == (7, 7 * 7 * 100)


def test_what_does_not_fill_a_context_is_not_in_the_budget() -> None:
    assert PretrainingSettings(steps=2, batch_tokens=1_000, context=300).budget == 2 * 3 * 300


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "pretraining.steps is 0"),
        ({"learning_rate": -1.0}, "pretraining.learning_rate is -1.0"),
        ({"seeds": ()}, "one or more seeds"),
        ({"seeds": (1, 1)}, "each once"),
        ({"batch_tokens": 100, "context": 101}, "holds no context of 101 tokens"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(RefinerError, match=message):
        PretrainingSettings(**wrong)
