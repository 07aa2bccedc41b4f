"""What a device can do at most, measured: the yardstick for the share that a stage makes of it."""

import time
from functools import lru_cache
from typing import Literal

_SIZE = {"cpu": 1024, "cuda": 8192}
_TURNS = 8


@lru_cache(maxsize=4)
def matrix_rate(device: Literal["auto", "cpu", "cuda"], dtype: Literal["float32", "bfloat16"]) -> float:
    """Operations a second of the device in its fastest product of two random square matrices, of eight.

    On a CPU with as many threads as the process uses then: a fifth of a second, once a process.

    Raises:
        RefinerError: the device is `cuda` and there is no GPU.
    """
    import torch

    from prox_assets.inference.transformers_engine import torch_device

    place = torch_device(device)
    size = _SIZE[place.type]
    draw = torch.Generator(place).manual_seed(0)  # a GPU is faster on equal numbers than on any real ones
    one = torch.randn((size, size), generator=draw, device=place).to(getattr(torch, dtype))
    fastest = float("inf")
    for _ in range(_TURNS):
        began = time.perf_counter()
        (one @ one)[0, 0].item()  # fetching a number waits for the device
        fastest = min(fastest, time.perf_counter() - began)
    return float(2 * size**3 / fastest)
