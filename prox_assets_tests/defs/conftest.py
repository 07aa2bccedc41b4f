"""What the tests of Dagster's side share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage

from prox_assets.inference import EngineSettings
from prox_assets.refining import models as loaded
from prox_assets_tests.s3 import bucket

__all__ = ["bucket"]


@pytest.fixture(autouse=True)
def _no_state_of_other_instances() -> Iterator[None]:
    """Begin each test as a process without an instance.

    Dagster 1.13 keeps a context variable of the instance that was entered last; instances of fixtures that
    end in another order than they began leave one there that is gone, and definitions no longer load.
    """
    with set_defs_state_storage(None):
        yield


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail where a refiner is loaded."""

    def refused(checkpoint: Path, _: EngineSettings) -> None:
        raise AssertionError(f"this needs no model, and {checkpoint} was loaded")

    for kind in ("document", "chunk"):
        monkeypatch.setattr(loaded, f"open_{kind}_refiner", refused)
        getattr(loaded, f"load_{kind}_refiner").forget()
