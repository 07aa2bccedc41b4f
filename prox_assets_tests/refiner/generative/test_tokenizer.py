"""A tokenizer made from a `tokenizer.model` splits as SentencePiece does, and gives offsets."""

from collections.abc import Sequence

import pytest
from sentencepiece import SentencePieceProcessor

from prox_assets.errors import RefinerError
from prox_assets.refiner.generative.model import llama_tokenizer, train_pieces
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.sample import SamplePage
from prox_assets_tests.real import real_data

TEXTS = (
    "[000]Two  spaces, three   and 2024\n\nthen é, 中, \t and 🙂",
    "",
    "behind  ",
    "keep_doc()",
)


def _require_same(model: bytes, texts: Sequence[str]) -> None:
    pieces, ours = SentencePieceProcessor(model_proto=model), TextTokenizer(llama_tokenizer(model))
    for text, tokens in zip(texts, ours(texts), strict=True):
        assert tokens.ids.tolist() == pieces.encode(text), text
        assert all(tokens.starts[1:] >= tokens.starts[:-1])


def test_trained_pieces_split_alike(few_pages: Sequence[SamplePage]) -> None:
    texts = [page.text for page in few_pages]
    model = train_pieces(texts, 1200)
    assert model == train_pieces(texts, 1200)
    _require_same(model, [*texts, *TEXTS])
    ours = llama_tokenizer(model)
    assert ours("a")["input_ids"][0] == ours.bos_token_id
    assert ours.convert_ids_to_tokens(ours("2024")["input_ids"])[-4:] == list("2024")


def test_the_pieces_of_llama_split_alike(few_pages: Sequence[SamplePage]) -> None:
    model = (real_data() / "tokenizers" / "llama" / "tokenizer.model").read_bytes()
    _require_same(model, [*(page.text for page in few_pages), *TEXTS])


def test_too_few_tokens_for_the_characters(few_pages: Sequence[SamplePage]) -> None:
    with pytest.raises(RefinerError, match=r"architecture\.vocab_size"):
        train_pieces([page.text for page in few_pages], 260)
