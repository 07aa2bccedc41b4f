from hypothesis import given
from hypothesis import strategies as st

from prox_assets.quality.report.diff import (
    LineState,
    Mark,
    StoredEdit,
    folded,
    marked_lines,
    remaining,
    removed_marks,
)

TEXT = "Menu\nA line here. Read more\n\nThe end"


def edit(start: int, stop: int, replacement: str = "") -> StoredEdit:
    return StoredEdit("remove_lines", "applied", start, stop, replacement, 0.5, 1)


EDITS = [edit(0, 5), edit(17, 27), edit(29, 32, "Teh")]


def shown(lines: list) -> str:  # type: ignore[type-arg]
    return "".join(
        "".join(piece.text for piece in line.pieces) + ("\n" if line.ends is Mark.KEPT else "")
        for line in lines
    )


def test_lines_say_what_the_refiner_made_of_them() -> None:
    lines = marked_lines(removed_marks(TEXT, EDITS))
    assert [(line.number, line.state, line.spans) for line in lines] == [
        (0, LineState.NOISE, ""),
        (1, LineState.PART, "12-22"),
        (2, LineState.BLANK, ""),
        (3, LineState.PART, "0-3"),
    ]


def test_what_remains_is_the_refined_text() -> None:
    assert shown(remaining(marked_lines(removed_marks(TEXT, EDITS)))) == "A line here.\n\nTeh end"


@given(st.text("ab \n", max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=5))
def test_for_any_edits_there_is_a_line_for_each_line_and_the_refined_text_remains(
    text: str, spans: list[tuple[int, int]]
) -> None:
    edits = [edit(min(at, len(text)), min(at + size, len(text))) for at, size in spans]
    segments = removed_marks(text, edits)
    lines = marked_lines(segments)
    assert [line.number for line in lines] == list(range(text.count("\n") + 1))
    kept = "".join(segment.text for segment in segments if segment.mark is not Mark.REMOVED)
    assert shown(remaining(lines)) == kept


def test_long_runs_are_folded_and_what_is_not_shown_cannot_be_judged() -> None:
    text = "gone\n" * 50 + "kept\n" * 50 + "x" * 500
    lines = folded(marked_lines(removed_marks(text, [edit(0, 250)])), 20)
    texts = ["".join(piece.text for piece in line.pieces) for line in lines]
    assert texts[:5] == ["gone"] * 5 and texts[5] == "40 lines removed"
    assert any("characters unchanged" in text for text in texts)
    assert all(line.number is None for line, text in zip(lines, texts, strict=True) if len(text) > 4)
