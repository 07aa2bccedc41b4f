"""What writes text: token ids in, text out, held to a grammar where one is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from prox_assets.errors import RefinerError

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
