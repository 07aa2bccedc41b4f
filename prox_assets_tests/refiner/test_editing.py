"""Programs made from scores, executed by the real executor, remove exactly what they should."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.chunking import Chunk, line_spans, whole
from prox_assets.programs import Boundary, Rails, Stage, applied, execute_chunks, parse, render
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.scoring.predictions import ScoredProgram, edit_program
from prox_assets.refiner.scoring.windows import NoiseSpan

LOOSE = Rails(max_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)
THRESHOLDS = ChunkThresholds(line=0.5, span=0.5, min_span_chars=1)


def refined(text: str, written: ScoredProgram) -> str:
    program = parse(render(written.program), Stage.CHUNK)
    assert not program.refusals
    return execute_chunks(text, [(whole(text), program, written.scores)], LOOSE).text


def marked(source: str) -> tuple[str, list[NoiseSpan]]:
    """The text without its «marks», and a noisy span for each."""
    text, spans = "", []
    for part in re.split("(«.*?»)", source):
        if part.startswith("«"):
            spans.append(NoiseSpan(len(text), len(text) + len(part) - 2, 0.9))
        text += part.strip("«»")
    return text, spans


def write(source: str, lines: list[float] | None = None) -> tuple[str, ScoredProgram]:
    text, spans = marked(source)
    scores = lines or [0.1] * len(line_spans(text))
    return text, edit_program(text, whole(text), scores, spans, THRESHOLDS)


def test_noisy_lines_go_in_runs() -> None:
    text, written = write("menu\nmore\ntext\nfooter", [0.9, 0.7, 0.1, 0.6])
    assert (
        render(written.program)
        == "remove_lines(line_start=0, line_end=1)\nremove_lines(line_start=3, line_end=3)"
    )
    assert written.scores == (0.8, 0.6)
    assert refined(text, written) == "text"


def test_line_numbers_are_the_documents() -> None:
    text = "a\nb\nc\nd"
    written = edit_program(text, Chunk(1, 2, 4, 4, 7), [0.9, 0.1], [], THRESHOLDS)
    assert render(written.program) == "remove_lines(line_start=2, line_end=2)"


def test_a_span_goes_with_the_space_that_would_be_left_over() -> None:
    for source, result in (
        ("A tale. «Read more»", "A tale."),
        ("A «[edit]» tale.", "A tale."),
        ("«18 votes» A tale.", "A tale."),
        ("A tale «[1]», told.", "A tale , told."),
        ("山谷«阅读全文»很安静", "山谷很安静"),
    ):
        text, written = write(source)
        assert refined(text, written) == result
        assert written.unnamed_spans == 0


def test_a_string_that_also_stands_in_clean_text_gets_context() -> None:
    text, written = write("Share the bread. «Share»\nPlease share, or Share it.")
    assert refined(text, written) == "Share the bread.\nPlease share, or Share it."
    text, written = write("one cup\ntwo cup «cup»\nthree cup")
    assert refined(text, written) == "one cup\ntwo cup\nthree cup"


def test_a_span_that_ends_inside_a_word_gets_context() -> None:
    text, written = write("«Sign up»The valley sleeps.")
    assert refined(text, written) == "The valley sleeps."


def test_what_no_call_can_name_alone_is_left_and_counted() -> None:
    text, spans = marked("«top»\nbread\ntop")
    written = edit_program(text, whole(text), [0.1] * 3, spans, THRESHOLDS)
    assert written.unnamed_spans == 1 and refined(text, written) == text


def test_the_same_noise_in_many_places_is_one_call() -> None:
    text, written = write("One «[edit]» tale.\nTwo «[edit]» tales.")
    assert len(written.program.calls) == 1 and refined(text, written) == "One tale.\nTwo tales."


def test_nothing_noisy_keeps_the_chunk() -> None:
    text, written = write("One tale.\nTwo tales.")
    assert render(written.program) == "keep_chunk()" and written.scores == (0.9,)
    assert refined(text, written) == text


def test_short_or_unsure_spans_and_those_of_removed_lines_stay_out() -> None:
    text, spans = marked("menu «x»\nA «|» tale «ok»")
    unsure = [spans[0], spans[1], NoiseSpan(spans[2].start, spans[2].stop, 0.4)]
    strict = ChunkThresholds(line=0.5, span=0.5, min_span_chars=2)
    written = edit_program(text, whole(text), [0.9, 0.1], unsure, strict)
    assert render(written.program) == "remove_lines(line_start=0, line_end=0)"
    off = ChunkThresholds(line=0.5, span=None)
    assert render(edit_program(text, whole(text), [0.1, 0.1], spans, off).program) == "keep_chunk()"


_LINES = st.lists(
    st.lists(
        st.sampled_from(["ab", "Ab", "b", "«ab»", "«b c»", "«[x]»", "山", "«山»", "1.", ","]),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=5,
)


@given(_LINES, st.lists(st.booleans(), min_size=5, max_size=5), st.sampled_from([" ", ""]))
@settings(max_examples=300, deadline=None)
def test_executing_removes_only_noise_and_all_that_was_named(
    lines: list[list[str]], noisy: list[bool], joint: str
) -> None:
    source = "\n".join(joint.join(words) for words in lines)
    text, spans = marked(re.sub("»( ?)«", r"\1", source))
    scores = [0.9 if noisy[number] else 0.1 for number in range(len(lines))]
    written = edit_program(text, whole(text), scores, spans, THRESHOLDS)
    kept = []
    for (start, stop), score in zip(line_spans(text), scores, strict=True):
        inside = [span for span in spans if start <= span.start and span.stop <= stop]
        if score < 0.5:
            kept.append(
                "".join(text[i] for i in range(start, stop) if not any(s.start <= i < s.stop for s in inside))
            )
    result = refined(text, written)
    if written.unnamed_spans == 0:
        assert "".join(result.split()) == "".join("".join(kept).split())
    else:
        assert len("".join(result.split())) > len("".join("".join(kept).split()))


MATCHING = [
    replace(LOOSE, boundary=boundary, max_matches=matches) for boundary in Boundary for matches in (1, 2, 100)
]


def outside_of_marks(source: str, scores: list[float], rails: Rails) -> str:
    """The visible characters that an executed program removes and no score or mark calls noise."""
    text, spans = marked(source)
    written = edit_program(text, whole(text), scores, spans, THRESHOLDS, rails)
    done = execute_chunks(text, [(whole(text), written.program, written.scores)], rails)
    noise = {place for span in spans for place in range(span.start, span.stop)}
    for score, (start, stop) in zip(scores, line_spans(text), strict=True):
        noise |= set(range(start, stop)) if score >= THRESHOLDS.line else set()
    gone = {place for edit in applied(done.edits) for place in range(edit.start, edit.stop)}
    return "".join(text[place] for place in sorted(gone - noise)).strip()


@given(_LINES, st.lists(st.booleans(), min_size=5, max_size=5), st.sampled_from([" ", ""]))
@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("rails", MATCHING, ids=lambda rails: f"{rails.boundary} {rails.max_matches}")
def test_what_is_removed_lies_within_what_is_marked_under_all_rails(
    rails: Rails, lines: list[list[str]], noisy: list[bool], joint: str
) -> None:
    source = re.sub("»( ?)«", r"\1", "\n".join(joint.join(words) for words in lines))
    scores = [0.9 if noisy[number] else 0.1 for number in range(len(lines))]
    assert outside_of_marks(source, scores, rails) == ""


@pytest.mark.parametrize("rails", MATCHING, ids=lambda rails: f"{rails.boundary} {rails.max_matches}")
def test_a_mark_whose_letters_stand_inside_of_words_removes_nothing_else(rails: Rails) -> None:
    assert outside_of_marks("x (ad) «ad» y\nlead «ad»", [0.1, 0.1], rails) == ""
    assert outside_of_marks("x («ad») y\nlead", [0.1, 0.1], rails) == ""
