"""The trained tokenizer is exact: every character of every script has its tokens and offsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.refiner.tokenization import TextTokenizer, train_tokenizer

TEXTS = [
    "The valley sleeps.\nRead more\n",
    "Das Tal schläft heute.\n",
    "山谷今天很安静。\n阅读全文\n",
    "emoji 👩‍🚀 here\n",
]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(train_tokenizer(TEXTS * 5, 400))


def test_offsets_are_characters_in_chinese_and_emoji(tokenizer: TextTokenizer) -> None:
    text = "山谷👩‍🚀 ok\n読"
    (tokens,) = tokenizer([text])
    assert [tokens.starts[i] for i in range(len(tokens)) if text[tokens.starts[i]] == "\n"] == [
        text.index("\n")
    ]
    unseen = [i for i in range(len(tokens)) if tokens.starts[i] == text.index("読")]
    assert len(unseen) == 3 and {int(tokens.stops[i]) for i in unseen} == {len(text)}
    assert tokenizer.tokenizer.decode(tokens.ids.tolist()) == text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60))
@settings(max_examples=150, deadline=None)
def test_every_character_is_covered_and_comes_back(tokenizer: TextTokenizer, text: str) -> None:
    (tokens,) = tokenizer([text])
    assert tokenizer.tokenizer.decode(tokens.ids.tolist()) == text
    covered = {
        place for start, stop in zip(tokens.starts, tokens.stops, strict=True) for place in range(start, stop)
    }
    assert covered == set(range(len(text)))
    assert (np.diff(tokens.starts) >= 0).all()


@given(st.text(alphabet="ab \n\r\t山👩", max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_token_reaches_over_a_newline(tokenizer: TextTokenizer, text: str) -> None:
    (tokens,) = tokenizer([text])
    for start, stop in zip(tokens.starts, tokens.stops, strict=True):
        assert "\n" not in text[start:stop] or stop - start == 1


def test_a_word_starts_at_the_space_before_it(tokenizer: TextTokenizer) -> None:
    (tokens,) = tokenizer(["The valley"])
    assert tokens.starts.tolist() == [0, 3]


def test_the_same_texts_give_the_same_tokenizer(tokenizer: TextTokenizer) -> None:
    again = train_tokenizer(TEXTS * 5, 400)
    assert again.backend_tokenizer.to_str() == tokenizer.tokenizer.backend_tokenizer.to_str()


def test_specials_surround_a_sequence_as_the_tokenizer_itself_does(tokenizer: TextTokenizer) -> None:
    (tokens,) = tokenizer(["The valley sleeps."])
    assert tokenizer.specials.wrap(tokens.ids) == tokenizer.tokenizer("The valley sleeps.")["input_ids"]


@pytest.mark.parametrize("fast", [True, False])
def test_what_reads_like_a_special_token_is_text(
    tokenizer: TextTokenizer, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast:
        monkeypatch.setattr(tokenizer, "_flat", None)
    tokenizer.tokenizer("transformers' own call lets special tokens through")
    specials = tokenizer.tokenizer.all_special_tokens
    text = f"The {' '.join(specials)} valley"
    (tokens,) = tokenizer([text])
    assert not set(tokens.ids.tolist()) & set(tokenizer.tokenizer.all_special_ids)
    assert tokenizer.tokenizer.decode(tokens.ids.tolist()) == text
