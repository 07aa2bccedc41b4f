"""What counts the tokens of all accounts: the tokenizer of the domain's document refiner, of either kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prox_assets.refiner.prepared import tokenizer_of
from prox_assets.refiner.tokenized import Ints


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """The tokenizer of a checkpoint; its model is not loaded."""

    checkpoint: Path

    def token_starts(self, texts: Sequence[str]) -> list[Ints]:
        """The character at which each token of each text starts, ascending, `(tokens,)` each."""
        return [tokens.starts for tokens in tokenizer_of(self.checkpoint)(texts)]
