"""The catalogue's sections and the values that the parts of the pipeline take say the same."""

from dataclasses import fields

import pytest

from prox_assets import config
from prox_assets.config import refiners as generative
from prox_assets.inference import EngineSettings, Task
from prox_assets.programs import Rails
from prox_assets.quality.checks.rules import CheckLimits
from prox_assets.refiner.generative.recipe import CausalRecipe
from prox_assets.refiner.recipe import Recipe


@pytest.mark.parametrize(
    ("section", "value", "beside"),
    [
        (config.RefinerRecipe(), Recipe(Task.CHUNK), {"architecture", "training"}),
        (generative.GenerativeRecipe(), CausalRecipe(Task.CHUNK), {"architecture", "training", "layout"}),
        (config.Bands(), CheckLimits(), set()),
        (config.Inference(), EngineSettings(), set()),
        (config.ExecutionSection(), Rails(), set()),
    ],
)
def test_defaults_agree(section: config.Section, value: object, beside: set[str]) -> None:
    shared = {field.name for field in fields(value)} & set(type(section).model_fields) - beside  # type: ignore[arg-type]
    assert shared
    assert {name: getattr(section, name) for name in shared} == {
        name: getattr(value, name) for name in shared
    }
