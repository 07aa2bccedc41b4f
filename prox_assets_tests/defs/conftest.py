"""What the tests of Dagster's side share."""

from collections.abc import Iterator

import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage

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
