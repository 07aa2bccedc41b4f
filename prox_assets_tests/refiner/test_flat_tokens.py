"""The fast encoder gives what the full tokenizer gives: ids and offsets, or nothing."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from prox_assets.refiner.tokenization import TextTokenizer, flat_tokenizer, spelling_of
from prox_assets_tests.real import real_data

CORPUS = [
    "the menu and the text, the end\n",
    "  Größe über alles, naïve\tcafé",
    "私は本を読む。你好世界",
    "𝒳 🙂 e\u0301",
] * 9


@cache
def byte_level(normalizer: bool = False, trim: bool = False) -> Any:
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC() if normalizer else None
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, special_tokens=["[CLS]"])
    raw.train_from_iterator(CORPUS, trainer)
    raw.add_tokens(["|||ADDRESS|||"])  # as ModernBERT's has: no special token, whatever the text is
    if trim:
        raw.post_processor = processors.ByteLevel(trim_offsets=True)
    return raw


@cache
def llama() -> Any:
    """BPE over SentencePiece pieces with byte fallback, laid out as Llama 2's tokenizer.json is."""
    raw = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=380, special_tokens=["<unk>", "<s>", *pieces])
    raw.train_from_iterator([text for text in CORPUS[:2] for _ in range(9)], trainer)
    description = json.loads(raw.to_str())
    description["added_tokens"] = description["added_tokens"][:2]
    return Tokenizer.from_str(json.dumps(description))


@cache
def metaspace() -> Any:
    """The same pieces as transformers 5 lays Llama 2's tokenizer out."""
    raw = Tokenizer.from_str(llama().to_str())
    raw.normalizer = None
    raw.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    return raw


KINDS = {
    "byte level": byte_level,
    "composed": lambda: byte_level(normalizer=True),
    "llama": llama,
    "metaspace": metaspace,
}


ADDED = "at |||ADDRESS||| or |||ADDRESS"


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.lists(st.text() | st.sampled_from([*CORPUS, "", " ", "a [CLS] b", "<s> x<s>", "▁ ▁", "\n\n  ", ADDED]))
)
@example(["e\u0301 [CLS]", "", "plain"])
@settings(max_examples=150, deadline=None)
def test_the_same_tokens(kind: str, texts: list[str]) -> None:
    backend = KINDS[kind]()
    backend.encode_special_tokens = True
    encoder = flat_tokenizer(backend)
    assert encoder is not None
    texts = [text.encode(errors="replace").decode() for text in texts]
    for found, full in zip(
        encoder(texts), backend.encode_batch(texts, add_special_tokens=False), strict=True
    ):
        if found is not None:
            assert found.ids.tolist() == full.ids
            assert list(zip(found.starts.tolist(), found.stops.tolist(), strict=True)) == full.offsets


@pytest.mark.parametrize("kind", KINDS)
def test_plain_text_is_encoded_fast_and_the_rest_in_full(kind: str) -> None:
    encoder = flat_tokenizer(KINDS[kind]())
    assert encoder is not None
    assert None not in encoder(["the menu", "Größe 🙂 私は\n", "", "a [CLS] b"])
    assert encoder([ADDED]).count(None) == ("|||ADDRESS|||" in KINDS[kind]().get_vocab())


def test_a_batch_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=byte_level()))
    texts = ["the menu", "a [CLS] b", "", ADDED, "the end"]
    found = wrapped(texts)
    monkeypatch.setattr(wrapped, "_flat", None)
    for one, full in zip(found, wrapped(texts), strict=True):
        for part in ("ids", "starts", "stops"):
            np.testing.assert_array_equal(getattr(one, part), getattr(full, part))


def test_tokenizers_whose_pieces_do_not_spell_the_text() -> None:
    assert flat_tokenizer(byte_level(trim=True)) is None
    word_pieces = Tokenizer(models.WordPiece({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    assert spelling_of(json.loads(word_pieces.to_str())) is None
    lower = Tokenizer.from_str(byte_level().to_str())
    lower.normalizer = normalizers.Lowercase()
    assert flat_tokenizer(lower) is None


def test_on_real_pages() -> None:
    """The tokenizer of the released refiners, on people's web pages."""
    import pyarrow.parquet as pq

    folder = real_data()
    texts = pq.read_table(folder / "webdocs.parquet", columns=["text"])["text"].to_pylist()[::37]
    file = Tokenizer.from_file(str(folder / "tokenizers/llama/tokenizer.json"))
    loaded = AutoTokenizer.from_pretrained(folder / "tokenizers/llama").backend_tokenizer
    for backend in (file, loaded, byte_level()):
        encoder = flat_tokenizer(backend)
        assert encoder is not None
        backend.encode_special_tokens = True
        full = backend.encode_batch(texts, add_special_tokens=False)
        found = encoder(texts)
        assert sum(one is None for one in found) < len(texts) // 50
        for one, other in zip(found, full, strict=True):
            assert one is None or (
                one.ids.tolist() == other.ids and one.starts.tolist() == [s for s, _ in other.offsets]
            )
