"""Windows that overlap: every token is scored once, with its surroundings in view."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.errors import RefinerError
from prox_assets.refiner.scoring.windows import window_probabilities, windows
from prox_assets.refiner.tokenization import Specials, Tokens


def characters(text: str) -> Tokens:
    """A token a character; its id says where it stands."""
    places = np.arange(len(text), dtype=np.int64)
    return Tokens(places, places, places + 1)


class Echo:
    """Gives each token the probability that its id names, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def token_probabilities(self, sequences: list[list[int]]) -> list[np.ndarray]:
        self.asked += sequences
        return [np.array(ids) / 1000 for ids in sequences]

    def document_probabilities(self, sequences: list[list[int]]) -> np.ndarray:
        raise NotImplementedError

    def close(self) -> None:
        pass


@given(st.text(alphabet="ab \n", max_size=60), st.integers(1, 20), st.integers(0, 6))
def test_every_token_is_scored_once_and_no_window_is_too_long(text: str, room: int, overlap: int) -> None:
    size = room + 2 * overlap
    engine = Echo()
    found = windows(text, characters(text), size, overlap)
    probabilities = window_probabilities(engine, found, Specials((900,), (901,)))
    scored = np.concatenate(probabilities) if probabilities else np.zeros(0)
    assert np.array_equal(scored, np.arange(len(text)) / 1000)
    for ids, window in zip(engine.asked, found, strict=True):
        assert len(ids) <= size + 2
        assert ids == [900, *window.ids.tolist(), 901]
        assert np.array_equal(np.diff(window.ids), np.ones(len(window.ids) - 1))


def test_neighbours_are_in_view() -> None:
    text = "aaaa\nbbbb\ncccc\n"
    first, second, third = windows(text, characters(text), 9, 2)
    assert (first.before.tolist(), first.after.tolist()) == ([], [5, 6])
    assert (second.before.tolist(), second.after.tolist()) == ([3, 4], [10, 11])
    assert (third.before.tolist(), third.after.tolist()) == ([8, 9], [])


def test_a_text_that_fits_is_not_cut_for_the_overlap() -> None:
    text = "aaaa\nbbbb\n"
    (window,) = windows(text, characters(text), 10, 4)
    assert len(window.ids) == len(window.tokens) == 10


def test_overlaps_that_leave_no_room_are_refused() -> None:
    with pytest.raises(RefinerError, match="Lower overlap"):
        windows("aaaa\nbbbb\n", characters("aaaa\nbbbb\n"), 8, 4)
