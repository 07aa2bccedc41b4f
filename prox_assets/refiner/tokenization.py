"""Tokenization: texts as token ids with character offsets, one by one or many at once.

Where the bytes of a text's tokens spell the text, offsets follow from the lengths of the tokens. That is so
for byte-level BPE (GPT-2, ModernBERT, Qwen) and for BPE over SentencePiece pieces with byte fallback
(Llama 2).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

import numpy as np
import numpy.typing as npt

from prox_assets.errors import RefinerError
from prox_assets.inference.loading import load_tokenizer, one_line

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, without specials.

    `starts`, `stops`: characters, each `(tokens,)`, ascending.
    """

    ids: Ints
    starts: Ints
    stops: Ints

    def __len__(self) -> int:
        return len(self.ids)

    def slice(self, first: int, last: int) -> "Tokens":
        """Tokens `first` to `last` (exclusive)."""
        return Tokens(self.ids[first:last], self.starts[first:last], self.stops[first:last])


_SPACE = "▁"  # U+2581, how SentencePiece writes a space
_CONTINUES, _LEADS = 0x80, 0xC0  # a UTF-8 byte that continues a character is 10xxxxxx


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a tokenizer's pieces spell a text.

    `lengths`: bytes of each piece, `(vocabulary,)`, 0 for what spells nothing reliably (added tokens).
    `pieces`: how spaces are written. `composed`: only texts in Unicode form C are spelt.
    """

    lengths: Ints
    pieces: "Pieces"
    composed: bool = False

    def written(self, text: str) -> tuple[int, str] | None:
        """The characters put before the text, and the text as the pieces spell it, character by character.

        None where they do not.
        """
        if self.composed and not is_normalized("NFC", text):
            return None
        if self.pieces is Pieces.BYTES or not text:
            return 0, text
        spelt = text.replace(" ", _SPACE)
        ahead = self.pieces is Pieces.PREPENDED or not spelt.startswith(_SPACE)
        return int(ahead), _SPACE * ahead + spelt


class Pieces(StrEnum):
    """What pieces are made of: bytes; or characters, spaces as U+2581 and one of them put before the text.

    `METASPACE` puts none before a text that begins with a space.
    """

    BYTES = "bytes"
    PREPENDED = "prepended"
    METASPACE = "metaspace"


class FlatTokenizer:
    """Encodes a batch into one buffer. Texts that the tokens do not spell come back as None.

    Special tokens that a text spells are ordinary text.
    """

    def __init__(self, encoder: Any, spelling: Spelling) -> None:
        self._encoder, self._spelling = encoder, spelling

    def __call__(self, texts: Sequence[str]) -> list[Tokens | None]:
        """The tokens of every text, or None for a text that needs the full tokenizer."""
        if not texts:
            return []
        written = [self._spelling.written(text) for text in texts]
        asked = ["" if found is None else found[1] for found in written]
        ids, places = self._encoder.encode_batch_flat(
            asked, add_special_tokens=False, split_special_tokens=True
        )
        flat, bounds = np.frombuffer(ids, np.uint32).astype(np.int64), np.frombuffer(places, np.uint64)
        cut = np.split(flat, bounds[1:-1].astype(np.int64))
        return [found and self._tokens(*found, one) for found, one in zip(written, cut, strict=True)]

    def _tokens(self, ahead: int, written: str, ids: Ints) -> Tokens | None:
        spelt = written.encode()
        lengths = self._spelling.lengths[ids]
        stops = np.cumsum(lengths)
        if (stops[-1] if len(ids) else 0) != len(spelt) or not lengths.all():
            return None
        starts, lasts = stops - lengths, stops - 1
        if len(spelt) != len(written):
            leads = (np.frombuffer(spelt, np.uint8) & _LEADS) != _CONTINUES
            characters = np.cumsum(leads) - 1
            starts, lasts = characters[starts], characters[lasts]
        return Tokens(ids, np.maximum(starts - ahead, 0), np.maximum(lasts + 1 - ahead, ahead))


def flat_tokenizer(backend: Any) -> FlatTokenizer | None:
    """The fast encoder of a `tokenizers.Tokenizer`, or None where it does not fit or is not installed."""
    try:
        from fastokens import Tokenizer
    except ImportError:
        return None
    description = json.loads(backend.to_str())
    spelling = spelling_of(description)
    if spelling is None:
        return None
    if spelling.pieces is not Pieces.BYTES:
        description |= {"normalizer": None, "pre_tokenizer": None}  # it is given what they would have made
    return FlatTokenizer(Tokenizer.from_json_str(json.dumps(description)), spelling)


def spelling_of(description: dict[str, Any]) -> Spelling | None:
    """How the pieces of a tokenizer.json spell texts, or None where offsets do not follow from them."""
    model = description["model"]
    if model["type"] != "BPE" or _trims(description["post_processor"]):
        return None
    if _is_byte_level(description["pre_tokenizer"]) and description["normalizer"] in (None, {"type": "NFC"}):
        return Spelling(_lengths(description, len), Pieces.BYTES, description["normalizer"] is not None)
    pieces = _SENTENCE_PIECES.get(json.dumps([description["normalizer"], description["pre_tokenizer"]]))
    if pieces and model.get("byte_fallback"):
        return Spelling(_lengths(description, _piece_bytes), pieces)
    return None


_PREPEND = {
    "type": "Sequence",
    "normalizers": [
        {"type": "Prepend", "prepend": _SPACE},
        {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE},
    ],
}


_METASPACE = {"type": "Metaspace", "replacement": _SPACE, "prepend_scheme": "first", "split": False}
_SENTENCE_PIECES = {
    json.dumps([_PREPEND, None]): Pieces.PREPENDED,
    json.dumps([None, _METASPACE]): Pieces.METASPACE,
}


def _is_byte_level(step: dict[str, Any] | None) -> bool:
    """Whether a pre-tokenizer turns bytes into characters and adds or drops nothing."""
    if step is None:
        return False
    steps = step["pretokenizers"] if step["type"] == "Sequence" else [step]
    splits = [s for s in steps if s["type"] == "Split" and s["behavior"] == "Isolated"]
    levels = [s for s in steps if s["type"] == "ByteLevel" and not s["add_prefix_space"]]
    return len(levels) == 1 and len(splits) + 1 == len(steps)


def _trims(processor: dict[str, Any] | None) -> bool:
    """Whether a post-processor moves offsets past white space."""
    steps = [] if processor is None else processor.get("processors", [processor])
    return any(step["type"] in ("ByteLevel", "RobertaProcessing") and step["trim_offsets"] for step in steps)


def _piece_bytes(piece: str) -> int:
    return 1 if len(piece) == 6 and piece.startswith("<0x") else len(piece.encode())


def _lengths(description: dict[str, Any], measure: Callable[[str], int]) -> Ints:
    added = {token["id"] for token in description["added_tokens"]}
    vocabulary = description["model"]["vocab"]
    lengths = np.zeros(max([*vocabulary.values(), *added]) + 1, dtype=np.int64)
    for piece, place in vocabulary.items():
        if place not in added:
            lengths[place] = measure(piece)
    return lengths


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


SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Any:
    """Train a `PreTrainedTokenizerFast` of at most `vocab_size` tokens; the same texts give the same
    tokenizer.

    Every newline is a token of its own, so that no token reaches over a line's end. Offsets are characters
    of the text and are not trimmed: a word's token starts at the space before it, and the bytes of a
    character that the vocabulary lacks all carry that character's offsets. Specials as ModernBERT lays them
    out: `[CLS] tokens [SEP]`, `[CLS]` also being the beginning and `[SEP]` the end of a sequence.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _wrap(tokenizer)


def _wrap(tokenizer: Any) -> Any:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B {sep}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=cls,
        eos_token=sep,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        **SPECIAL_TOKENS,
    )
