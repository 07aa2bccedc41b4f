"""What an engine is, and how one is configured."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]


class Task(StrEnum):
    """What a checkpoint judges: whole documents (one logit pair) or the tokens of a chunk (a pair each)."""

    DOCUMENT = "document"
    CHUNK = "chunk"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How a checkpoint is run.

    `batch_tokens` bounds the tokens of one forward pass, padding included; scoring on a CPU takes 2,048.
    `threads` is the number of CPU threads of the process (None leaves it as it is); results are reproducible
    bit by bit only for a fixed number of them. `memory_share` of the device's memory is what vLLM may take: a
    document and a chunk refiner fit beside each other. `packing` lays sequences end to end instead of padding
    them: `auto` where that is faster, for encoders on a CPU and in half precision on a GPU. `compiled`
    compiles the packed model: a minute at the start, for long runs.
    """

    engine: Literal["transformers", "vllm"] = "transformers"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch_tokens: int = 8192
    threads: int | None = None
    memory_share: float = 0.45
    packing: Literal["auto", "always", "never"] = "auto"
    compiled: bool = False


class ScoringEngine(Protocol):
    """One loaded classification checkpoint.

    Ids are those of the checkpoint's own tokenizer and complete: special tokens are the caller's business,
    so that every engine sees the same sequence. Results come in the caller's order and do not depend on it
    beyond floating-point noise.
    """

    def document_probabilities(self, ids: Sequence[Sequence[int]]) -> Probabilities:
        """P(keep) of each sequence, `(n,)`."""
        ...

    def token_probabilities(self, ids: Sequence[Sequence[int]]) -> list[Probabilities]:
        """P(noise) of every token of each sequence, `(len(sequence),)` each."""
        ...

    def close(self) -> None:
        """Give the memory back; the engine cannot be used afterwards."""
        ...
