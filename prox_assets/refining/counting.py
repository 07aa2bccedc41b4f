"""What counts the tokens of all accounts: the tokenizer of the domain's document refiner, of either kind."""

from collections.abc import Sequence
from typing import Protocol

from prox_assets.refiner.tokenized import Ints


class TokenCounter(Protocol):
    """Something with a tokenizer."""

    def token_starts(self, texts: Sequence[str]) -> list[Ints]:
        """The character at which each token of each text starts, ascending, `(tokens,)` each."""
        ...
