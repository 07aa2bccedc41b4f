"""Texts to one stream of token ids, and the stream to contexts."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prox_assets.baselines.pretraining_settings import PretrainingSettings
from prox_assets.errors import InputError, RefinerError
from prox_assets.inference.loading import load_tokenizer

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What packing needs of a tokenizer. A text that spells a special token gets ordinary tokens for it."""

    encode: Callable[[str], list[int]]
    size: int
    separator: int
    unknown: int | None


@dataclass(frozen=True, slots=True)
class Reference:
    """Held-out text in contexts of ids and of the ids that follow them, (contexts, context) each.

    `counted` marks the targets that are text: separators and padding are not, nor are they in `tokens`.
    """

    inputs: Ids
    targets: Ids
    counted: NDArray[np.bool_]
    tokens: int
    characters: int


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read the tokenizer of a folder; its end-of-sequence token, or else `[SEP]`, sets documents apart.

    Raises:
        RefinerError: there is no fast tokenizer in the folder, or it has no token to separate documents.
    """
    tokenizer = _load(folder)
    tokenizer.backend_tokenizer.encode_special_tokens = True
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    separator = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    if separator is None:
        raise RefinerError(
            f"the tokenizer of {folder} has neither an eos nor a sep token to set documents apart: "
            "add one of them, or use the tokenizer of a refiner."
        )

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return Vocabulary(encode, len(tokenizer), separator, tokenizer.unk_token_id)


def _load(folder: Path) -> Any:
    if not (folder / "tokenizer.json").is_file():
        raise RefinerError(
            f"there is no tokenizer.json in {folder}: give the folder of a refiner checkpoint "
            "or of a saved fast tokenizer."
        )
    return load_tokenizer(folder)


def pack(name: str, texts: Iterable[str], vocabulary: Vocabulary, limit: int) -> Ids:
    """The first `limit` tokens of a corpus: separator, document, separator, document, …

    Reads no further than it must. Blank texts are passed over.

    Raises:
        InputError: no text has anything in it.
    """
    stream = array("q")
    for text in texts:
        if text.strip():
            stream.append(vocabulary.separator)
            stream.extend(vocabulary.encode(text))
        if len(stream) >= limit:
            break
    if not stream:
        raise InputError(
            f"the corpus {name!r} has no text to train on: leave it out of the comparison, "
            "or look in the funnel at where its documents were lost."
        )
    return np.array(stream[:limit], dtype=np.int64)


def batch(stream: Ids, numbers: Ids, context: int) -> Ids:
    """Contexts by number, each with the token after it: (len(numbers), context + 1).

    Context `n` starts at token `n * context` of the stream repeated without end.
    """
    positions = numbers[:, None] * context + np.arange(context + 1)
    contexts: Ids = stream[positions % len(stream)]
    return contexts


def schedule(settings: PretrainingSettings, seed: int) -> Ids:
    """The numbers of the contexts that each step trains on, (steps, rows): every one of the budget once."""
    numbers = np.random.default_rng(seed).permutation(settings.steps * settings.rows)
    return numbers.reshape(settings.steps, settings.rows)


def pack_reference(texts: Sequence[str], vocabulary: Vocabulary, context: int) -> Reference:
    """All of the reference in contexts in which every token is predicted once, (contexts, context).

    Raises:
        InputError: the reference is shorter than one context, so that it says nothing.
        RefinerError: the tokenizer lacks characters of the reference.
    """
    documents = [text for text in texts if text.strip()]
    stream = [token for text in documents for token in (vocabulary.separator, *vocabulary.encode(text))]
    if len(stream) < context:
        raise InputError(
            f"the reference text has {len(stream)} tokens, fewer than one context of {context}: "
            "give more held-out clean text, or lower pretraining.context."
        )
    if vocabulary.unknown is not None and vocabulary.unknown in stream:
        raise RefinerError(
            "the tokenizer has no tokens for some characters of the reference, so bits per character would "
            "leave them out: use a tokenizer that falls back to bytes."
        )
    padded = np.full(-(-len(stream) // context) * context + 1, vocabulary.separator)
    padded[: len(stream)] = stream
    targets = padded[1:].reshape(-1, context)
    return Reference(
        inputs=padded[:-1].reshape(-1, context),
        targets=targets,
        counted=targets != vocabulary.separator,
        tokens=len(stream) - len(documents),
        characters=sum(map(len, documents)),
    )
