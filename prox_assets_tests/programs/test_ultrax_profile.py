"""Programs of UltraX give its texts, on record; `benchmarks/ultrax_reference.py` compares with its code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.chunking import Chunk, whole
from prox_assets.programs import Execution, Refused, apply_edits, parse, revert_edits
from prox_assets.programs.arguments import encodes
from prox_assets.programs.profiles.ultrax import execute_ultrax
from prox_assets.programs.profiles.ultrax_text import read_ultrax, write_ultrax
from prox_assets.programs.program import Stage

PAGE = "Home | About\nThe article.[edit]\n\nMore of it.\nShare\n"


def run(program: str, text: str = PAGE) -> Execution:
    return execute_ultrax(text, [(whole(text), read_ultrax(program))])


def outcomes(execution: Execution) -> list[str]:
    return [str(edit.outcome) for edit in execution.edits if edit.position >= 0]


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("keep_all()", PAGE),
        ("", PAGE),
        ("remove_lines(1, 1)", "The article.[edit]\nMore of it.\nShare"),
        ("remove_lines(4, 99)", "Home | About\nThe article.[edit]"),
        ("remove_lines(0, 2)", "More of it.\nShare"),
        ("remove_lines(1,1) and more\n---\n# note", "The article.[edit]\nMore of it.\nShare"),
        ("replace_str(2, '[edit]', '')", "Home | About\nThe article.\nMore of it.\nShare"),
        ("replace_str(2, 'e', '')", PAGE),
        (
            "replace_str(2, 'The', 'An')\nreplace_str(2, '[edit]', '')",
            "Home | About\nAn article.\nMore of it.\nShare",
        ),
        ("add_line(2, 1, 'Added.')", "Home | About\nThe article.[edit]\nAdded.\nMore of it.\nShare"),
        ("add_line(0, 1, 'Title')", "Title\nHome | About\nThe article.[edit]\nMore of it.\nShare"),
        ("add_line(9, 1, 'End')", "Home | About\nThe article.[edit]\nMore of it.\nShare\nEnd"),
        ("add_line(4, 0, 'Instead.\\n')", "Home | About\nThe article.[edit]\nInstead.\nShare"),
        ("keep_all()\nremove_all()", "Home | About\nThe article.[edit]\nMore of it.\nShare"),
        ("add_line(1, 1, 'x')\nadd_line(1, 1, 'x')\nadd_line(1, 1, 'x')", PAGE),
    ],
)
def test_a_program_gives_the_text_of_ultrax(program: str, text: str) -> None:
    execution = run(program)
    assert (execution.text, str(execution.status)) == (text, "kept")
    assert apply_edits(PAGE, execution.edits) == text
    assert revert_edits(text, execution.edits) == PAGE


def test_removing_all_empties_the_document_with_a_reason() -> None:
    execution = run("remove_all()")
    assert (execution.text, str(execution.status), str(execution.reason)) == ("", "emptied", "nothing_left")


def test_loops_keep_the_document_with_a_reason() -> None:
    assert str(run("remove_lines(1, 1)\n" * 4).reason) == "repetitive_program"


def test_every_call_and_every_other_line_is_on_record() -> None:
    execution = run(
        "remove_lines(1, 1)\nreplace_str(2, 'e', '')\nreplace_str(9, 'a', 'b')\nremove_all()\nnonsense"
    )
    assert sorted(outcomes(execution)) == ["ambiguous", "applied", "ignored", "out_of_range", "unknown_form"]
    added = next(edit for edit in run("add_line(2, 1, 'Added.')").edits if edit.call == "add_line")
    assert (added.start, added.stop, added.replacement) == (32, 32, "Added.\n")


def test_calls_of_a_window_act_within_its_lines() -> None:
    first, second = Chunk(0, 0, 2, 0, 32), Chunk(1, 2, 6, 32, len(PAGE))
    programs = [(first, read_ultrax("remove_lines(2, 5)")), (second, read_ultrax("keep_all()"))]
    assert execute_ultrax(PAGE, programs).text == "Home | About\nMore of it.\nShare"
    programs = [(first, read_ultrax("remove_all()")), (second, read_ultrax("replace_str(1, 'Home', '')"))]
    assert execute_ultrax(PAGE, programs).text == "More of it.\nShare"


_CALLS = st.one_of(
    st.builds("remove_lines({}, {})".format, st.integers(0, 6), st.integers(0, 8)),
    st.builds(
        "replace_str({}, {!r}, {!r})".format,
        st.integers(0, 6),
        st.text("ab\n '\\", max_size=3),
        st.text("ab\n"),
    ),
    st.builds(
        "add_line({}, {}, {!r})".format, st.integers(0, 6), st.integers(-1, 2), st.text("ab\n\r", max_size=3)
    ),
    st.sampled_from(["keep_all()", "remove_all()", "rm 3-7", "", "add_line(1, 'x')", "replace_str(1, 'a"]),
)


@given(st.text("ab\n\r\u2028 ", max_size=30), st.lists(_CALLS, max_size=5))
@settings(deadline=None)
def test_the_record_leads_there_and_back(text: str, lines: list[str]) -> None:
    program = read_ultrax("\n".join(lines))
    execution = run("\n".join(lines), text)
    assert apply_edits(text, execution.edits) == execution.text
    assert revert_edits(execution.text, execution.edits) == text
    assert (execution.status == "kept") is (bool(execution.text) or not text)
    assert read_ultrax(write_ultrax(program)).calls == program.calls


@given(st.text(max_size=40))
def test_a_text_without_calls_has_a_refusal(text: str) -> None:
    for program in (read_ultrax(text), parse(text, Stage.CHUNK), parse(text, Stage.DOCUMENT)):
        assert not text.strip() or program.calls or program.refusals
        assert all(0 <= refusal.at < len(text) for refusal in program.refusals)
    if encodes(text):
        assert encodes(run(text).text)


@pytest.mark.parametrize(
    "text", ["rm 3-7", 'sub 4: "Share"', "<keep>", "<edit>\nrm 1", "I would drop it", "#", "```\n```"]
)
def test_forms_of_other_systems_are_refused_with_a_code(text: str) -> None:
    refusals = parse(text, Stage.CHUNK).refusals
    assert refusals and {refusal.code for refusal in refusals} == {Refused.UNKNOWN_FORM}


@pytest.mark.parametrize("form", ["rm 3-7", "rm 3", 'sub 4: "Share"', "<keep>"])
@pytest.mark.parametrize(
    "program", ["{}\nkeep_chunk()", "keep_chunk()\n{}", "keep_chunk();{}", "```\n{}\nkeep_chunk()\n```"]
)
def test_forms_of_other_systems_are_refused_beside_calls(program: str, form: str) -> None:
    found = parse(program.format(form), Stage.CHUNK)
    assert [call.name for call in found.calls] == ["keep_chunk"]
    assert [refusal.code for refusal in found.refusals] == [Refused.UNKNOWN_FORM]


@pytest.mark.parametrize("text", ["rm 3 files, then:", "# rm 3", 'normalize("""\nrm 3\n""", "")'])
def test_prose_comments_and_strings_are_no_forms(text: str) -> None:
    assert not parse(f"{text}\nkeep_chunk()", Stage.CHUNK).refusals
