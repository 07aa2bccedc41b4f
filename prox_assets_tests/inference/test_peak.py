"""The measured rate of a device."""

import pytest
import torch

from prox_assets.errors import RefinerError
from prox_assets.inference.engine import matrix_rate


def test_a_cpu_does_between_a_billion_and_a_hundred_trillion_operations_a_second() -> None:
    assert 1e9 < matrix_rate("cpu", "float32") < 1e14
    assert matrix_rate("cpu", "float32") == matrix_rate("cpu", "float32"), "it is measured once a process"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(RefinerError, match="no GPU is visible"):
        matrix_rate("cuda", "bfloat16")
