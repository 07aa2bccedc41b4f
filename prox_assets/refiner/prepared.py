"""Texts made ready for a scoring refiner: tokenized and cut to its window. Needs the tokenizer, no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from prox_assets.refiner.tokenized import TextTokenizer
from prox_assets.refiner.windows import Window, windows


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document's first window as the model reads it, specials included.

    `n_tokens` it has, `n_tokens_seen` are in the window (specials not counted).
    """

    ids: list[int]
    n_tokens: int
    n_tokens_seen: int


def prepare_documents(tokenizer: TextTokenizer, window: int, texts: Sequence[str]) -> list[PreparedDocument]:
    """Tokenize documents and take of each what fits a window of `window` tokens, specials included."""
    room = window - len(tokenizer.specials)
    return [
        PreparedDocument(tokenizer.specials.wrap(found.ids[:room]), len(found), min(len(found), room))
        for found in tokenizer(texts)
    ]


def prepare_chunks(
    tokenizer: TextTokenizer, window: int, texts: Sequence[str], overlap: int = 0
) -> list[list[Window]]:
    """Tokenize documents and cut them at whole lines into windows of `window` tokens, specials and `overlap`
    on either side included.
    """
    room = window - len(tokenizer.specials)
    return [windows(text, found, room, overlap) for text, found in zip(texts, tokenizer(texts), strict=True)]


@lru_cache(maxsize=4)
def tokenizer_of(checkpoint: Path) -> TextTokenizer:
    """A checkpoint's tokenizer, loaded once per process."""
    return TextTokenizer.load(checkpoint)
