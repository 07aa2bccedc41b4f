"""How large a checkpoint is: N of the paper's 2·N·D counts no embeddings (arXiv 2409.17115, section 3.2)."""

import math
from pathlib import Path

from prox_assets.inference.checkpoint_check import inspect_weights

_EMBEDDINGS = ("tok_embeddings", "embed_tokens", "word_embeddings", "wte", "position_embeddings", "wpe")


def non_embedding_parameters(checkpoint: Path) -> int:
    """Count the parameters that each token is multiplied with, from the headers of the weight files.

    Raises:
        RefinerError: the folder holds no whole safetensors files.
    """
    return sum(
        math.prod(tensor.shape)
        for tensor in inspect_weights(checkpoint)
        if not any(part in tensor.name for part in _EMBEDDINGS)
    )
