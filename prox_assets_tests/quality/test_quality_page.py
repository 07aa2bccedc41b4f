"""docs/quality.md names every check and every threshold, with the defaults that hold."""

import re
from pathlib import Path

from prox_assets.config import Bands
from prox_assets.quality.checks.rules import CheckLimits
from prox_assets.quality.checks.suites import SUITES

PAGE = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")


def test_every_check_is_on_the_page() -> None:
    names = {rule.name for rules in SUITES.values() for rule in rules}
    assert sorted(name for name in names if f"`{name}`" not in PAGE) == []


def test_every_threshold_is_on_the_page() -> None:
    assert sorted(name for name in Bands.model_fields if f"`{name}`" not in PAGE) == []


def test_the_catalogue_and_the_checks_agree_on_the_defaults() -> None:
    assert CheckLimits(**Bands().model_dump()) == CheckLimits()
    for name, value in Bands().model_dump().items():
        if isinstance(value, float):
            row = next(line for line in PAGE.splitlines() if f"`{name}`" in line)
            assert re.search(rf"\b{value:g}\b", row), name
