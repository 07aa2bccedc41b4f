"""Tokenizers of Llama's type: SentencePiece BPE with byte fallback, trained here or read from a release."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prox_assets.errors import RefinerError

_SPECIAL = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}


def train_llama_tokenizer(texts: Iterable[str], vocab_size: int) -> Any:
    """Train a `LlamaTokenizer` of at most `vocab_size` tokens; see `train_pieces`."""
    return llama_tokenizer(train_pieces(texts, vocab_size))


def train_pieces(texts: Iterable[str], vocab_size: int) -> bytes:
    """Train a SentencePiece model, the content of a `tokenizer.model`; the same texts give the same bytes.

    As Llama 2's: digits one by one, newlines as bytes, nothing normalized. Raises RefinerError when the size
    is too small for the characters.
    """
    from sentencepiece import SentencePieceTrainer

    written = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=(line for text in texts for line in text.split("\n") if line.strip()),
            model_writer=written,
            model_type="bpe",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            character_coverage=0.995,
            max_sentence_length=65_536,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise RefinerError(
            f"No tokenizer of {vocab_size} tokens can be trained: {error} Correct architecture.vocab_size."
        ) from error
    return written.getvalue()


def read_llama_tokenizer(file: Path) -> Any:
    """The tokenizer of a `tokenizer.model`, all that ProX's releases have (FIELD 1.10)."""
    return llama_tokenizer(file.read_bytes())


def llama_tokenizer(model: bytes) -> Any:
    """A fast tokenizer that splits as the SentencePiece model does all but texts that begin with a space.

    Merges are in the order of the pieces' scores. transformers takes the order of their ids, which splits
    runs of spaces in another way.
    """
    from sentencepiece import SentencePieceProcessor
    from transformers import LlamaTokenizer

    pieces = SentencePieceProcessor(model_proto=model)
    vocabulary = {pieces.id_to_piece(token): token for token in range(len(pieces))}
    plain = [t for t in vocabulary.values() if not (pieces.is_control(t) or pieces.is_unknown(t))]
    merges = sorted(
        (
            (-pieces.get_score(token), vocabulary[piece[:cut]], vocabulary[piece[cut:]])
            for token in plain
            if not pieces.is_byte(token)
            for piece in [pieces.id_to_piece(token)]
            for cut in range(1, len(piece))
            if piece[:cut] in vocabulary and piece[cut:] in vocabulary
        ),
    )
    names = [(pieces.id_to_piece(left), pieces.id_to_piece(right)) for _, left, right in merges]
    return LlamaTokenizer(vocab=vocabulary, merges=names, legacy=False, add_bos_token=True, **_SPECIAL)
