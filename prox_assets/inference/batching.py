"""Batches of similar length under a token budget: the less padding, the less work."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prox_assets.errors import RefinerError

_CACHED = 2048


def length_sorted_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield the positions of `lengths` in batches whose padded size (rows x longest) fits `batch_tokens`.

    Longest first, so that memory is asked for once, at its peak. Ties keep the order of `lengths`. A sequence
    longer than the budget makes a batch of its own.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > batch_tokens:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def pass_tokens(device: str, batch_tokens: int) -> int:
    """How many tokens a forward pass takes: on a `cpu` few, so that their states stay in its cache."""
    return min(batch_tokens, _CACHED) if device == "cpu" else batch_tokens


@contextmanager
def within_memory(batch_tokens: int) -> Iterator[None]:
    """Say what to do where a device has no memory for a pass of `batch_tokens`.

    Raises:
        RefinerError: from the device's own error, which may pass where others have the memory.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RefinerError(
            f"The device has too little memory for forward passes of {batch_tokens:,} tokens: lower "
            f"inference.batch_tokens, or let nothing else use the device. {error}"
        ) from error
