"""Token probabilities become line scores and spans, whatever the lines look like."""

import numpy as np
import pytest

from prox_assets.chunking import line_spans
from prox_assets.refiner.data import LabelledText, line_truth
from prox_assets.refiner.scoring.windows import (
    NoiseSpan,
    Window,
    line_scores,
    merge_pieces,
    noisy_spans,
    windows,
)
from prox_assets.refiner.tokenization import Tokens


def words(text: str) -> Tokens:
    """A token a newline, and one a word with the white space before it."""
    bounds, start = [], 0
    for position, character in enumerate(text):
        after = text[position + 1 : position + 2]
        if character == "\n" or after == "\n" or not after or (not character.isspace() and after.isspace()):
            bounds.append((start, position + 1))
            start = position + 1
    places = np.array(bounds, dtype=np.int64).reshape(-1, 2)
    return Tokens(np.arange(len(bounds)), places[:, 0], places[:, 1])


def only(text: str) -> Window:
    (window,) = windows(text, words(text), 1000)
    return window


def probabilities(window: Window, text: str, noisy: set[str]) -> np.ndarray:
    tokens = window.tokens
    return np.array(
        [0.9 if text[a:b].strip() in noisy else 0.1 for a, b in zip(tokens.starts, tokens.stops, strict=True)]
    )


def test_a_line_is_the_mean_of_its_visible_tokens() -> None:
    text = "good bad\nbad bad\n good"
    window = only(text)
    found = line_scores(window, probabilities(window, text, {"bad"}))
    assert found.tolist() == pytest.approx([0.5, 0.9, 0.1])


def test_blank_lines_go_only_when_both_neighbours_do() -> None:
    text = "\nbad\n \n\nbad\n\ngood\n"
    window = only(text)
    found = line_scores(window, probabilities(window, text, {"bad", ""}))
    assert found.tolist() == pytest.approx([0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1])


def test_a_window_of_blank_lines_scores_nothing() -> None:
    window = only("\n \n")
    assert line_scores(window, np.ones(len(window.tokens))).tolist() == [0, 0, 0]


def test_windows_hold_every_token_once() -> None:
    text = "one two three\nfour five\n\nsix\nseven eight nine ten eleven twelve\n"
    tokens = words(text)
    found = windows(text, tokens, 5)
    assert np.concatenate([window.tokens.ids for window in found]).tolist() == tokens.ids.tolist()
    assert all(len(window.tokens) <= 5 for window in found)


def test_pieces_of_a_long_line_make_one_score() -> None:
    text = "bad bad bad bad bad good good\nend"
    parts = [
        (window, line_scores(window, probabilities(window, text, {"bad"})))
        for window in windows(text, words(text), 4)
    ]
    assert len(parts) > 1
    found = merge_pieces(2, parts)
    # Seven words and a newline: the newline's piece weighs one token more.
    assert found[0] == pytest.approx((5 * 0.9 + 2 * 0.1) / 7, abs=0.05) and found[1] == pytest.approx(0.1)


def test_spans_are_maximal_runs_inside_one_line() -> None:
    text = "keep this [edit] [more] now\nbad\nbad end bad"
    window = only(text)
    found = noisy_spans(text, window, probabilities(window, text, {"[edit]", "[more]", "bad"}), 0.5)
    assert [text[span.start : span.stop] for span in found] == ["[edit] [more]", "bad", "bad", "bad"]
    assert found[0] == NoiseSpan(10, 23, pytest.approx(0.9))


def test_the_truth_of_lines() -> None:
    text = "menu\n\nText [edit] here\nmenu unsure\nend"
    at = text.index("[edit]")
    last = text.index("menu unsure")
    row = LabelledText(text, [(0, 5), (at, at + 6), (last, last + 4)], [(last + 5, last + 11)])
    noise, counts = line_truth(row)
    assert len(noise) == len(line_spans(text))
    assert noise.tolist() == [True, False, False, False, False]
    assert counts.tolist() == [True, False, True, False, True]


def test_no_span_leaves_the_piece_of_a_line_that_its_token_starts_in() -> None:
    """An over-long line is cut behind a space, and the token of the space goes on in the next piece."""
    starts = np.array([0, 1, 3, 5])
    tokens = Tokens(np.arange(4), starts, np.array([1, 3, 5, 7]))
    text = "a b c d"
    for window in windows(text, tokens, 2):
        for span in noisy_spans(text, window, np.ones(len(window.tokens), dtype=np.float32), 0.5):
            assert window.chunk.start <= span.start < span.stop <= window.chunk.stop
