"""Texts as token ids with character offsets, and what surrounds a sequence for the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prox_assets.errors import RefinerError
from prox_assets.inference.loading import load_tokenizer, one_line
from prox_assets.refiner.flat_tokens import flat_tokenizer
from prox_assets.refiner.tokens import Ints, Tokens

__all__ = ["Ints", "Specials", "TextTokenizer", "Tokens"]


@dataclass(frozen=True, slots=True)
class Specials:
    """The ids that the model expects before and after a sequence."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prefix) + len(self.suffix)

    def wrap(self, ids: Ints) -> list[int]:
        """A complete sequence."""
        return [*self.prefix, *ids.tolist(), *self.suffix]


class TextTokenizer:
    """A fast tokenizer that gives offsets, with one call for a list of texts.

    A text is only text: what reads like a special token, `</s>` or `[SEP]` in a page, becomes ordinary
    tokens, so no page can end a sequence or stand outside of its prompt.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not tokenizer.is_fast:
            raise RefinerError(
                f"{tokenizer.name_or_path} has no fast tokenizer, so no character offsets. "
                "Choose a base model with a tokenizer.json."
            )
        self.tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self.specials = _specials(self._backend)
        self._flat = flat_tokenizer(self._backend)

    @classmethod
    def load(cls, path: Path | str) -> "TextTokenizer":
        """The tokenizer of a checkpoint directory or of a model by name.

        Raises RefinerError when there is none.
        """
        with one_line(f"The tokenizer of {path}", "Correct the path or train the refiner again."):
            return cls(load_tokenizer(path))

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of every text: by the fast encoder where the tokenizer has one that gives the same."""
        found = self._flat(texts) if self._flat else [None] * len(texts)
        rest = [text for text, tokens in zip(texts, found, strict=True) if tokens is None]
        self._backend.encode_special_tokens = True  # transformers sets it back with every call of its own
        full = iter(self._backend.encode_batch(rest, add_special_tokens=False))
        return [_tokens(next(full)) if tokens is None else tokens for tokens in found]


def _tokens(encoding: Any) -> Tokens:
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    return Tokens(np.array(encoding.ids, dtype=np.int64), offsets[:, 0].copy(), offsets[:, 1].copy())


def _specials(backend: Any) -> Specials:
    encoding = backend.encode("a", add_special_tokens=True)
    content = [position for position, special in enumerate(encoding.special_tokens_mask) if not special]
    if not content:
        raise RefinerError(
            "The tokenizer makes no token of the letter a: its vocabulary is damaged. Save it again."
        )
    return Specials(tuple(encoding.ids[: content[0]]), tuple(encoding.ids[content[-1] + 1 :]))
