"""From token probabilities to executed text: a higher threshold never removes more of a document."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.config import ThresholdsSection
from prox_assets.programs import Beyond, Boundary, Execution, Rails, Status, apply_edits
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.scoring.predictions import ChunkResult, chunk_result
from prox_assets.refiner.scoring.windows import Window, windows
from prox_assets.refiner.thresholds import AS_IT_IS
from prox_assets.refiner.tokenization import Tokens
from prox_assets.refining.chunk_stage import ChunkExecutor, TokenCounter, program_row
from prox_assets.refining.models import moved_thresholds

RAILS = [
    Rails(max_removed_share=1.0, min_kept_chars=0),
    Rails(),
    Rails(max_removed_share=0.4, min_kept_chars=0),
    Rails(max_removed_share=0.0, max_added_share=0.0),
    Rails(max_chunk_removed_share=0.5, max_removed_share=0.9, min_kept_chars=5),
    Rails(max_calls=0, max_removed_share=0.9, min_kept_chars=0),
    Rails(max_calls=1, max_removed_share=1.0),
    Rails(max_matches=1, max_removed_share=1.0, min_kept_chars=0),
    Rails(boundary=Boundary.ANYWHERE, max_removed_share=1.0, min_kept_chars=0),
]
# Words that repeat, end inside one another, and touch: the spans that calls find hard to name.
WORDS = ["ab", "abab", "[x]", ",", "山", " ", " ", " ab", "  "]


def tokens_of(pieces: list[str]) -> Tokens:
    stops = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    starts = stops - [len(piece) for piece in pieces]
    return Tokens(np.arange(len(pieces)), starts, stops)


@st.composite
def judged(draw: st.DrawFn) -> tuple[str, list[tuple[Window, np.ndarray]]]:
    """A text in a few windows, and how noisy each of their tokens is."""
    lines = draw(st.lists(st.lists(st.sampled_from(WORDS), max_size=5), min_size=1, max_size=3))
    page = draw(st.lists(st.sampled_from(lines), min_size=1, max_size=6))
    pieces = [piece for line in page for piece in (*line, "\n")]
    pieces += draw(st.sampled_from([[], ["ab"], ["[x]", " ", "ab"]]))
    text = "".join(pieces)
    found = windows(text, tokens_of(pieces), draw(st.sampled_from([100, 9, 4])))
    noise = st.sampled_from([0.2, 0.6, 0.95])
    return text, [
        (window, np.array(draw(st.lists(noise, min_size=len(window.tokens), max_size=len(window.tokens)))))
        for window in found
    ]


thresholds = st.builds(
    ChunkThresholds,
    line=st.sampled_from([0.5, 0.8, 1.0]),
    span=st.sampled_from([0.1, 0.5, 0.7]),
    min_span_chars=st.sampled_from([1, 2]),
)


def refine(text: str, windows: list[tuple[Window, np.ndarray]], at: ChunkThresholds) -> list[ChunkResult]:
    return [chunk_result(text, window, noise, at, AS_IT_IS) for window, noise in windows]


def execute(
    text: str, results: list[ChunkResult], rails: Rails, stored: ChunkThresholds, moved: ThresholdsSection
) -> Execution:
    """Execute stored programs as the pipeline does."""
    rows = [program_row({"row": 0, "doc_id": "a"}, result) for result in results]
    counter: TokenCounter = None  # type: ignore[assignment]  # nothing is counted here
    done = ChunkExecutor(counter, rails, moved_thresholds(stored, moved, rails)).execute(text, rows)
    assert done.text == apply_edits(text, done.edits)
    return done


def kept(text: str, done: Execution) -> set[int]:
    """The characters of the source that are left."""
    assert (done.status is Status.KEPT) is (bool(done.text) or not text)
    gone = {at for edit in done.edits if edit.outcome == "applied" for at in range(edit.start, edit.stop)}
    return set(range(len(text))) - gone


@given(st.sampled_from(RAILS), judged(), thresholds, thresholds)
@settings(max_examples=150, deadline=None)
def test_a_refiner_at_higher_thresholds_keeps_all_that_it_kept_at_lower_ones(
    rails: Rails,
    document: tuple[str, list[tuple[Window, np.ndarray]]],
    one: ChunkThresholds,
    other: ChunkThresholds,
) -> None:
    text, judgements = document
    line, span = sorted((one.line, other.line)), sorted((one.span or 0, other.span or 0))
    at = [replace(one, line=line[0], span=span[0]), replace(one, line=line[1], span=span[1])]
    done = [
        kept(text, execute(text, refine(text, judgements, each), rails, each, ThresholdsSection()))
        for each in at
    ]
    assert done[0] <= done[1]


@given(st.sampled_from(RAILS), judged(), thresholds, thresholds, thresholds)
@settings(max_examples=150, deadline=None)
def test_stored_programs_at_higher_thresholds_keep_all_that_they_kept_at_lower_ones(
    rails: Rails,
    document: tuple[str, list[tuple[Window, np.ndarray]]],
    stored: ChunkThresholds,
    one: ChunkThresholds,
    other: ChunkThresholds,
) -> None:
    text, judgements = document
    results = refine(text, judgements, stored)
    lines, spans = sorted((one.line, other.line)), sorted((one.span or 0, other.span or 0))
    done = [
        kept(text, execute(text, results, rails, stored, ThresholdsSection(line=line, span=span)))
        for line, span in zip(lines, spans, strict=True)
    ]
    assert done[0] <= done[1]
    again = execute(text, results, rails, stored, ThresholdsSection(line=stored.line))
    assert again == execute(text, results, rails, stored, ThresholdsSection())


LOOSE = Rails(max_removed_share=1.0, min_kept_chars=0)


@pytest.mark.parametrize(
    ("rails", "page", "sizes"),
    [
        pytest.param(
            LOOSE, [("ab [x] cd", ".6 .95 .2"), ("ab [x] cd", ".2 .95 .2")], (11, 11), id="inner spans"
        ),
        pytest.param(
            replace(LOOSE, max_calls=1), [("a", ".6"), ("b", ".2"), ("c", ".95")], (1, 3), id="calls"
        ),
        pytest.param(
            replace(LOOSE, max_matches=1),
            [("[x] one", ".6 .2"), ("[x] two", ".95 .2")],
            (7, 11),
            id="matches",
        ),
        pytest.param(
            LOOSE, [("one ab", ".2 .6"), ("two ab", ".2 .95"), ("ab", ".2")], (10, 13), id="context"
        ),
    ],
)
def test_what_could_remove_more_at_a_higher_threshold(
    rails: Rails, page: list[tuple[str, str]], sizes: tuple[int, int]
) -> None:
    pieces, noise = [], []
    for line, scores in page:
        words = [f" {word}" if at else word for at, word in enumerate(line.split())]
        pieces += [*words, "\n"]
        noise += [*map(float, scores.split()), 0.0]
    text = "".join(pieces[:-1])
    (window,) = windows(text, tokens_of(pieces[:-1]), 100)
    judgements = [(window, np.array(noise[:-1]))]
    done = []
    for threshold in (0.5, 0.9):
        at = ChunkThresholds(line=max(threshold, 0.7 if " " in text else 0), span=threshold, min_span_chars=1)
        done.append(kept(text, execute(text, refine(text, judgements, at), rails, at, ThresholdsSection())))
    assert done[0] <= done[1]
    assert tuple(map(len, done)) == sizes


def test_restored_documents_are_the_exception() -> None:
    """Which is why the rails do not restore unless they are asked to."""
    text = "menu\nmenu\nmenu\ntext"
    pieces = ["menu", "\n", "menu", "\n", "menu", "\n", "text"]
    (window,) = windows(text, tokens_of(pieces), 100)
    judgements = [(window, np.array([0.6, 0.0, 0.9, 0.0, 0.9, 0.0, 0.1]))]
    sizes = {}
    for beyond in Beyond:
        rails = Rails(max_removed_share=0.7, min_kept_chars=0, beyond=beyond)
        sizes[beyond] = [
            len(kept(text, execute(text, refine(text, judgements, at), rails, at, ThresholdsSection())))
            for at in (ChunkThresholds(line=0.5), ChunkThresholds(line=0.8))
        ]
    assert sizes == {Beyond.RESTORE: [19, 9], Beyond.EMPTY: [0, 9]}
