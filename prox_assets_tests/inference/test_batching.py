"""Batches hold every row once, within the budget."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.errors import RefinerError
from prox_assets.inference.engine import length_sorted_batches, pass_tokens, within_memory


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 200))
def test_every_position_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(length_sorted_batches(lengths, budget))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


def test_like_goes_with_like_and_ties_keep_their_order() -> None:
    assert list(length_sorted_batches([1, 9, 1, 9, 1], 18)) == [[1, 3], [0, 2, 4]]


def test_a_pass_stays_in_the_cache_of_a_cpu() -> None:
    assert [pass_tokens("cpu", budget) for budget in (1_000, 8_192)] == [1_000, 2_048]
    assert pass_tokens("cuda", 262_144) == 262_144


def test_a_full_device_is_said_with_its_remedy() -> None:
    with (
        pytest.raises(
            RefinerError, match=r"passes of 262,144 tokens: lower inference\.batch_tokens"
        ) as found,
        within_memory(262_144),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert isinstance(found.value.__cause__, torch.OutOfMemoryError), "by which a step is tried again"
