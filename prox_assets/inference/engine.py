"""Engines: what they are, their settings, batches of similar length, and the functions that open one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from prox_assets.errors import RefinerError

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


LogProbabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads, complete with special tokens, and what may follow.

    `grammar` is a Lark grammar (see programs.grammar) and `json_schema` the text of a JSON schema that the
    answer is held to, without white space between its parts; at most one of them. With neither the model
    writes what it likes.
    """

    ids: tuple[int, ...]
    grammar: str | None = None
    json_schema: str | None = None

    def __post_init__(self) -> None:
        if not self.ids:
            raise RefinerError(
                "A prompt without tokens cannot be continued. Add the tokenizer's first token."
            )
        if self.grammar is not None and self.json_schema is not None:
            raise RefinerError("A prompt has a grammar and a JSON schema. Give one of them.")


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model wrote: ids without the end token, their text, and whether it came to an end by itself."""

    ids: tuple[int, ...]
    text: str
    finished: bool


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. At temperature 0 the likeliest is taken and `seed` means nothing."""

    temperature: float = 0.0
    seed: int = 0


GREEDY = Sampling()


class GenerationEngine(Protocol):
    """One loaded causal language model. Results come in the caller's order."""

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer (transformers)."""
        ...

    @property
    def max_length(self) -> int:
        """The most tokens that a prompt and its answer may have together."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], max_tokens: int, sampling: Sampling = GREEDY
    ) -> list[Generation]:
        """Continue each prompt by at most `max_tokens` tokens."""
        ...

    def answer_log_probabilities(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
    ) -> LogProbabilities:
        """How likely each answer is after each prompt, in one forward pass a prompt: `(prompts, answers)`.

        The answers are told apart by their first token that differs, so what is returned is the
        log-probability of that token after the prompt and what the answers begin with in common. Under a
        grammar of just these answers the rest of each is settled by it.
        """
        ...

    def close(self) -> None:
        """Give the memory back; the engine cannot be used afterwards."""
        ...


def deciding_tokens(answers: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """What answers begin with in common, and the next token of each, which tells them apart.

    Raises RefinerError when one token does not tell all of them apart.
    """
    common: list[int] = []
    for column in zip(*answers, strict=False):
        if len(set(column)) == len(answers):
            return common, list(column)
        if len(set(column)) > 1:
            break
        common.append(column[0])
    raise RefinerError(
        f"The answers {[list(answer) for answer in answers]} are not told apart by their first token that "
        "differs. Choose answers that begin differently, or let the model write them."
    )


def check_room(prompts: Sequence[Prompt], max_tokens: int, limit: int) -> None:
    """Raise RefinerError where a prompt and its answer do not fit the model."""
    longest = max((len(prompt.ids) for prompt in prompts), default=0)
    if longest + max_tokens > limit:
        raise RefinerError(
            f"A prompt has {longest} tokens and may be answered by {max_tokens}; the model takes {limit} "
            "together. Lower the window or the tokens of an answer."
        )


def open_engine(checkpoint: Path, task: Task, settings: EngineSettings) -> ScoringEngine:
    """Load `checkpoint` for `task` with the engine that the settings name.

    Raises RefinerError when the directory is missing, is of another task, or the engine is not installed.
    """
    if settings.engine == "vllm":
        from prox_assets.inference.vllm_engines import VllmEngine

        return VllmEngine(checkpoint, task, settings)
    from prox_assets.inference.transformers_engines import TransformersEngine

    return TransformersEngine.load(checkpoint, task, settings)


def open_generator(checkpoint: Path, settings: EngineSettings) -> GenerationEngine:
    """Load a causal language model with the engine that the settings name.

    Raises RefinerError when the directory is missing, holds another kind of model, or the engine is not
    installed.
    """
    if settings.engine == "vllm":
        from prox_assets.inference.vllm_engines import VllmGenerator

        return VllmGenerator(checkpoint, settings)
    from prox_assets.inference.transformers_engines import TransformersGenerator

    return TransformersGenerator.load(checkpoint, settings)


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

    from prox_assets.inference.transformers_engines import torch_device

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
