"""How large a checkpoint is: N of the paper's 2·N·D counts no embeddings (arXiv 2409.17115, section 3.2)."""

import math
from pathlib import Path

from prox_assets.errors import RefinerError

_EMBEDDINGS = ("tok_embeddings", "embed_tokens", "word_embeddings", "wte", "position_embeddings", "wpe")


def non_embedding_parameters(checkpoint: Path) -> int:
    """Count the parameters that each token is multiplied with, from the headers of the weight files.

    Raises:
        RefinerError: the folder holds no safetensors file.
    """
    from safetensors import safe_open

    files = sorted(checkpoint.glob("*.safetensors"))
    if not files:
        raise RefinerError(
            f"{checkpoint} holds no .safetensors file; train the refiner again or correct the path."
        )
    total = 0
    for file in files:
        with safe_open(file, framework="numpy") as weights:
            names = [name for name in weights.keys() if not any(part in name for part in _EMBEDDINGS)]  # noqa: SIM118
            total += sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
    return total
