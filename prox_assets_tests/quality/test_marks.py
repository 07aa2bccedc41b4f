from hypothesis import given
from hypothesis import strategies as st

from prox_assets.quality.report.diff import Mark, Segment, StoredEdit, elided, removed_marks


def edit(
    start: int, stop: int, replacement: str = "", outcome: str = "applied", score: float | None = 0.5
) -> StoredEdit:
    return StoredEdit(
        "normalize" if replacement else "remove_lines", outcome, start, stop, replacement, score, 1
    )


def test_pieces_follow_the_source_with_their_edits() -> None:
    gone, changed = edit(0, 5), edit(8, 11, "The", score=None)
    assert removed_marks("Menu\nTehTeh end", [changed, gone, edit(1, 2, outcome="no_match")]) == [
        Segment(Mark.REMOVED, "Menu\n", gone),
        Segment(Mark.KEPT, "Teh"),
        Segment(Mark.REMOVED, "Teh", changed),
        Segment(Mark.INSERTED, "The", changed),
        Segment(Mark.KEPT, " end"),
    ]
    assert (Segment(Mark.REMOVED, "x", gone).label, Segment(Mark.INSERTED, "x", changed).label) == (
        "remove_lines, score 0.50",
        "normalize",
    )


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[StoredEdit]]:
    text = draw(st.text(max_size=30))
    bounds = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = zip(bounds[::2], bounds[1::2], strict=False)
    return text, [edit(start, stop, draw(st.sampled_from(["", "new"]))) for start, stop in spans]


@given(edited())
def test_kept_and_removed_are_the_source_kept_and_inserted_the_refined_text(
    case: tuple[str, list[StoredEdit]],
) -> None:
    text, edits = case
    refined = text
    for one in reversed(edits):
        refined = refined[: one.start] + one.replacement + refined[one.stop :]
    segments = removed_marks(text, reversed(edits))
    assert "".join(part.text for part in segments if part.mark is not Mark.INSERTED) == text
    assert "".join(part.text for part in segments if part.mark is not Mark.REMOVED) == refined


@given(st.text(max_size=20), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=4))
def test_edits_over_one_another_never_repeat_the_source(text: str, spans: list[tuple[int, int]]) -> None:
    edits = [edit(min(a, b, len(text)), min(max(a, b), len(text))) for a, b in spans]
    assert "".join(part.text for part in removed_marks(text, edits)) == text


def test_long_unchanged_passages_become_a_gap() -> None:
    gone = edit(1000, 1003)
    shown = elided(removed_marks("a" * 1000 + "bad" + "c" * 50, [gone]), around=100)
    assert [(part.mark, len(part.text)) for part in shown if part.mark is not Mark.GAP] == [
        (Mark.KEPT, 100),
        (Mark.KEPT, 100),
        (Mark.REMOVED, 3),
        (Mark.KEPT, 50),
    ]
    assert shown[1] == Segment(Mark.GAP, "800 characters unchanged")


def test_long_removed_passages_say_what_is_left_out() -> None:
    gone = edit(0, 1000)
    (shown,) = elided(removed_marks("x" * 1000, [gone]), around=100)
    assert (shown.mark, shown.edit) == (Mark.REMOVED, gone)
    assert "[…800 characters…]" in shown.text
