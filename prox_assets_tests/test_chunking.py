"""The laws of chunking, for any text and any tokens."""

import itertools
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prox_assets.chunking import Chunk, chunk_lines, line_spans, numbered, shown_lines
from prox_assets.errors import ProxError

texts = st.text(st.sampled_from("ab .。!\n\r\u2028é\u0301中\U0001f600\ud800"), max_size=120)


@st.composite
def tokenized(draw: st.DrawFn) -> tuple[str, list[int]]:
    text = draw(texts)
    starts = draw(st.lists(st.integers(0, max(0, len(text) - 1)), max_size=200)) if text else []
    return text, sorted(starts)


def tokens_in(starts: list[int], begin: int, end: int) -> int:
    return sum(begin <= start < end for start in starts)


@given(tokenized(), st.integers(1, 12), st.integers(0, 5))
@settings(deadline=None)
def test_chunks_are_the_document(document: tuple[str, list[int]], window: int, overlap: int) -> None:
    text, starts = document
    chunks = chunk_lines(text, starts, window, min(overlap, window - 1))
    assert "".join(text[c.start : c.stop] for c in chunks) == text
    assert [c.index for c in chunks] == list(range(len(chunks)))
    assert all(c.start < c.stop for c in chunks)


@example(("a\n", [0, 0]), 1, 0)
@given(tokenized(), st.integers(1, 12), st.integers(0, 5))
@settings(deadline=None)
def test_a_chunk_holds_its_lines_and_no_more_than_its_window(
    document: tuple[str, list[int]], window: int, overlap: int
) -> None:
    text, starts = document
    lines = text.split("\n")
    for chunk in chunk_lines(text, starts, window, min(overlap, window - 1)):
        shown = shown_lines(text, chunk)
        whole = chunk.start == 0 or text[chunk.start - 1] == "\n"
        piece = not whole or (chunk.stop < len(text) and text[chunk.stop - 1] != "\n")
        if piece:
            empty_last_line = chunk.stop == len(text) and text.endswith("\n")
            assert chunk.line_stop == chunk.line_start + 1 + empty_last_line
            assert text[chunk.start : chunk.stop].rstrip("\n") in lines[chunk.line_start]
        elif chunk.line_stop - chunk.line_start > 1:
            assert [line for _, line in shown] == lines[shown[0][0] : chunk.line_stop]
        count = tokens_in(starts, chunk.start - chunk.context_chars, chunk.stop)
        assert count <= window or chunk.stop - chunk.start == 1


@given(tokenized(), st.integers(1, 12), st.integers(0, 5))
@settings(deadline=None)
def test_every_line_with_text_is_owned_once(
    document: tuple[str, list[int]], window: int, overlap: int
) -> None:
    text, starts = document
    chunks = chunk_lines(text, starts, window, min(overlap, window - 1))
    owned = [range(c.line_start, c.line_stop) for c in chunks]
    for before, after in itertools.pairwise(owned):
        assert after.start in (before.stop, before.stop - 1)
    if text:
        assert set().union(*owned) >= set(range(len(text.split("\n")) - text.endswith("\n")))


@given(texts)
@settings(deadline=None)
def test_line_spans_are_the_lines(text: str) -> None:
    assert [text[start:stop] for start, stop in line_spans(text)] == text.split("\n")


def words(text: str) -> list[int]:
    return [i for i, c in enumerate(text) if not c.isspace() and (i == 0 or text[i - 1].isspace())]


def test_packing_is_greedy() -> None:
    text = "one two\nthree\nfour five six\nseven\n"
    chunks = chunk_lines(text, words(text), 3)
    assert chunks == [Chunk(0, 0, 2, 0, 14), Chunk(1, 2, 3, 14, 28), Chunk(2, 3, 5, 28, 34)]


def test_an_over_long_line_is_cut_at_sentence_ends_then_spaces_then_anywhere() -> None:
    text = "menu\nOne two. Three four five six seven eight nine\nend"
    pieces = [text[c.start : c.stop] for c in chunk_lines(text, words(text), 4)]
    assert pieces == ["menu\n", "One two. ", "Three four five six ", "seven eight nine\n", "end"]
    chinese = "第一句。第二句很长很长很长很长"
    cut = [chinese[c.start : c.stop] for c in chunk_lines(chinese, range(len(chinese)), 6)]
    assert cut == ["第一句。", "第二句很长很", "长很长很长"]


@pytest.mark.parametrize("text", ["\u0301" * 20_000, "e" + "\u0301" * 20_000, ("e" + "\u0301" * 40) * 500])
def test_a_run_of_combining_marks_is_few_chunks(text: str) -> None:
    starts = [at for at in range(len(text)) for _ in range(2)]
    began = time.process_time()
    chunks = chunk_lines(text, starts, 512)
    assert time.process_time() - began < 1
    assert len(chunks) <= 2 * len(starts) / 512 + 1
    assert "".join(text[c.start : c.stop] for c in chunks) == text


@given(st.text("e\u0301\u0323", min_size=1, max_size=300), st.integers(1, 60))
@settings(deadline=None)
def test_pieces_cut_between_tokens_are_at_least_half_a_window(text: str, window: int) -> None:
    chunks = chunk_lines(text, range(len(text)), window)
    assert all(2 * (c.stop - c.start) >= window for c in chunks[:-1])
    for chunk in chunks[:-1]:
        before = text[max(chunk.start, chunk.stop - 30) : chunk.stop]
        assert text[chunk.stop] == "e" or "e" not in before[-(window // 2) :] or window < 4


def test_overlap_shows_lines_that_the_chunk_before_owns() -> None:
    text = "a b\nc d\ne f\ng h"
    chunks = chunk_lines(text, words(text), 4, overlap=2)
    assert [(c.line_start, c.line_stop, c.context_lines) for c in chunks] == [(0, 2, 0), (2, 3, 1), (3, 4, 1)]
    assert numbered(text, chunks[1]) == "[001]c d\n[002]e f"
    assert numbered(text, chunks[1], first=0) == "[000]c d\n[001]e f"


def test_a_window_must_hold_something() -> None:
    with pytest.raises(ProxError, match="window 0"):
        chunk_lines("a", [0], 0)
    with pytest.raises(ProxError, match="overlap 3"):
        chunk_lines("a", [0], 3, overlap=3)
