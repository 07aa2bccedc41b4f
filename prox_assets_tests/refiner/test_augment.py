"""What is hidden from the model while it trains."""

import numpy as np
import pytest

from prox_assets.config import Training
from prox_assets.refiner.scoring.training import Hider
from prox_assets.refiner.tokenization import TextTokenizer, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(train_tokenizer(["the valley sleeps\nand the river runs\n"] * 3, 300))


def batch(tokenizer: TextTokenizer) -> np.ndarray:
    (tokens,) = tokenizer(["the valley sleeps\nand the river runs\n" * 60])
    return np.array([tokenizer.specials.wrap(tokens.ids), tokenizer.specials.wrap(tokens.ids)])


def test_shares_are_kept_and_layout_stays(tokenizer: TextTokenizer) -> None:
    ids = batch(tokenizer)
    inner = tokenizer.tokenizer
    (newline,) = tokenizer(["\n"])[0].ids.tolist()
    layout = np.isin(ids, [newline, *inner.all_special_ids])
    found = Hider(tokenizer, Training(hidden_share=0.3, swapped_share=0.1))(ids, 0)
    assert (found[layout] == ids[layout]).all()
    inside, before = found[~layout], ids[~layout]
    assert (inside == inner.mask_token_id).mean() == pytest.approx(0.3, abs=0.05)
    changed = (inside != before) & (inside != inner.mask_token_id)
    assert 0.05 < changed.mean() <= 0.12
    assert np.isin(inside[changed], before).all()


def test_steps_differ_and_runs_do_not(tokenizer: TextTokenizer) -> None:
    ids, training = batch(tokenizer), Training()
    one, same = Hider(tokenizer, training), Hider(tokenizer, training)
    assert (one(ids, 3) == same(ids, 3)).all()
    assert (one(ids, 3) != one(ids, 4)).any()
    assert (one(ids, 3) != Hider(tokenizer, Training(seed=1))(ids, 3)).any()


def test_nothing_hidden_when_the_shares_are_zero(tokenizer: TextTokenizer) -> None:
    ids = batch(tokenizer)
    assert Hider(tokenizer, Training(hidden_share=0, swapped_share=0))(ids, 0) is ids


def test_without_a_mask_token_all_is_swapped(tokenizer: TextTokenizer) -> None:
    bare = TextTokenizer(train_tokenizer(["the valley sleeps\nand the river runs\n"] * 3, 300))
    bare.tokenizer.mask_token = None
    ids = batch(bare)
    found = Hider(bare, Training().model_copy(update={"hidden_share": 1.0, "swapped_share": 0.0}))(ids, 0)
    assert (found != ids).mean() > 0.5 and np.isin(found, ids).all()
