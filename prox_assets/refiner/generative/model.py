"""A causal language model and its tokenizer: new, pretrained, or a release that is taken as it is."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prox_assets.config import CausalArchitecture, Lora
from prox_assets.errors import RefinerError
from prox_assets.inference.loading import Head, checkpoint_folder, load_tokenizer, load_trained, one_line
from prox_assets.refiner.generative.recipe import CausalRecipe

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


def make_causal_model(recipe: CausalRecipe, texts: Iterable[str]) -> tuple[Any, Any]:
    """The model and its tokenizer. `texts` train the tokenizer where there is no model to start from.

    The caller seeds torch: new weights are drawn here. Raises RefinerError when the model cannot be loaded,
    or its context is too short for the recipe.
    """
    if recipe.origin is None:
        tokenizer = train_llama_tokenizer(texts, recipe.architecture.vocab_size)
        model = _from_configuration(recipe.architecture, tokenizer)
    else:
        folder = checkpoint_folder(recipe.origin)
        model, tokenizer = load_trained(folder, Head.CAUSAL, "float32"), causal_tokenizer(folder)
    if model.generation_config.eos_token_id is None:
        model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model if recipe.lora is None else _adapted(model, recipe.lora), tokenizer


def llama_config(sizes: CausalArchitecture, **others: Any) -> Any:
    """The transformers configuration of an architecture."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=sizes.vocab_size,
        hidden_size=sizes.hidden,
        intermediate_size=sizes.intermediate,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.key_value_heads,
        max_position_embeddings=sizes.positions,
        initializer_range=sizes.initializer_range,
        tie_word_embeddings=False,
        **others,
    )


def causal_tokenizer(folder: Path) -> Any:
    """The fast tokenizer of a folder, also where there is only a `tokenizer.model`.

    Raises RefinerError when there is none.
    """
    pieces = folder / "tokenizer.model"
    if pieces.is_file() and not (folder / "tokenizer.json").is_file():
        with one_line(str(pieces), "Download it again."):
            return read_llama_tokenizer(pieces)
    return load_tokenizer(folder)


def _from_configuration(sizes: CausalArchitecture, tokenizer: Any) -> Any:
    from transformers import LlamaForCausalLM

    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = llama_config(sizes, pad_token_id=None, **ends)
    config.vocab_size = len(tokenizer)
    return LlamaForCausalLM(config)


def _adapted(model: Any, lora: Lora) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise RefinerError(
            f"refiner.lora needs peft, which is not installed ({error}). Install the extra `lora`, or leave "
            "lora out to train all parameters."
        ) from error
    adapters = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, adapters)
