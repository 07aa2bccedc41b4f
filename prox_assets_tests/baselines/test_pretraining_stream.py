from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prox_assets.baselines.pretraining_model import (
    Vocabulary,
    batch,
    load_vocabulary,
    pack,
    pack_reference,
    schedule,
)
from prox_assets.errors import InputError, RefinerError
from prox_assets_tests.baselines.pretraining_corpora import SETTINGS, save_tokenizer

LETTERS = Vocabulary(encode=lambda text: list(map(ord, text)), size=0x110000, separator=0, unknown=None)


def test_documents_stand_behind_separators_and_blank_ones_are_passed_over() -> None:
    assert pack("a", ["bc", " \n", "d"], LETTERS, 100).tolist() == [0, ord("b"), ord("c"), 0, ord("d")]
    assert pack("a", ["bc", "d"], LETTERS, 2).tolist() == [0, ord("b")]


def test_a_short_stream_goes_round() -> None:
    stream = np.array([5, 6, 7])
    assert batch(stream, np.array([0, 2]), 2).tolist() == [[5, 6, 7], [6, 7, 5]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_a_schedule_holds_every_context_of_the_budget_once(seed: int, steps: int) -> None:
    numbers = schedule(replace(SETTINGS, steps=steps), seed)
    assert numbers.shape == (steps, SETTINGS.rows)
    assert sorted(numbers.ravel().tolist()) == list(range(steps * SETTINGS.rows))


words = st.text(st.characters(min_codepoint=1), min_size=1).filter(str.strip)


@given(st.lists(words, min_size=1, max_size=6), st.integers(1, 5))
def test_a_reference_predicts_every_character_once_and_in_order(texts: list[str], context: int) -> None:
    assume(sum(len(text) + 1 for text in texts) >= context)
    reference = pack_reference(texts, LETTERS, context)
    assert "".join(map(chr, reference.targets[reference.counted])) == "".join(texts)
    assert reference.tokens == reference.characters == sum(map(len, texts))
    follows = reference.inputs.ravel()[1:] == reference.targets.ravel()[:-1]
    assert follows.all()
    assert reference.inputs.ravel()[0] == LETTERS.separator


def test_a_reference_of_one_context_is_enough_and_one_token_less_is_not() -> None:
    assert pack_reference(["abc"], LETTERS, 4).characters == 3
    with pytest.raises(InputError, match="4 tokens, fewer than one context of 5"):
        pack_reference(["abc"], LETTERS, 5)


def test_characters_that_the_tokenizer_lacks_are_refused() -> None:
    with pytest.raises(RefinerError, match="falls back to bytes"):
        pack_reference(["abc?"], replace(LETTERS, unknown=ord("?")), 2)


def test_a_text_cannot_spell_the_separator(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(save_tokenizer(tmp_path, eos_token="[EOS]"))
    assert pack("a", ["one [EOS] two"], vocabulary, 100).tolist().count(vocabulary.separator) == 1


def test_without_eos_the_sep_token_sets_documents_apart(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(save_tokenizer(tmp_path, sep_token="[SEP]", pad_token="[PAD]"))
    assert vocabulary.separator == 0
    with pytest.raises(RefinerError, match="neither an eos nor a sep token"):
        load_vocabulary(save_tokenizer(tmp_path / "bare", pad_token="[PAD]"))
