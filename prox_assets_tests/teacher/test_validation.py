import pytest

from prox_assets.chunking import Chunk
from prox_assets.programs import Program, Stage, parse, render
from prox_assets.teacher.annotations import validated

TEXT = "zero one\ntwo three\nfour five\nsix"
CHUNK = Chunk(0, 1, 3, 9, 29)  # lines 1 and 2


def codes(program: str, max_removed_share: float = 1.0) -> list[str]:
    checked = validated(TEXT, CHUNK, parse(program, Stage.CHUNK), max_removed_share)
    return [str(refused.code) for refused in checked.refused]


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("remove_lines(0, 1)", "out_of_range"),
        ("remove_lines(2, 3)", "out_of_range"),
        ("remove_lines(2, 1)", "reversed"),
        ('normalize("six", "")', "no_match"),
        ('normalize("thre", "")', "inside_word"),
        ('normalize("two", "two")', "unchanged"),
        ('remove_lines(1, 1)\nnormalize("two", "")', "covered"),
        ("remove_lines(1, 1)\nremove_lines(1, 1)", "repeated"),
        ("drop_everything()", "unknown_call"),
        ("remove_lines(1, 2", "cut_off"),
    ],
)
def test_a_call_that_does_not_hold_for_its_chunk_is_refused_by_code(program: str, code: str) -> None:
    assert codes(program) == [code]


def test_a_program_with_a_refused_call_keeps_the_rest() -> None:
    program = parse('remove_lines(1, 1)\nnormalize("six", "")\nnormalize("five", "")', Stage.CHUNK)
    checked = validated(TEXT, CHUNK, program)
    assert render(checked.program) == (
        'remove_lines(line_start=1, line_end=1)\nnormalize(source_str="five", target_str="")'
    )
    assert [refused.call for refused in checked.refused] == ['normalize(source_str="six", target_str="")']


def test_removing_too_much_of_a_chunk_is_refused() -> None:
    assert codes("remove_lines(1, 2)", 0.5) == ["over_guard_rail"]
    assert codes("remove_lines(1, 2)") == []


def test_what_is_believed_is_believed_again() -> None:
    program = parse('remove_lines(1, 1)\nnormalize("six", "")', Stage.CHUNK)
    once = validated(TEXT, CHUNK, program).program
    assert validated(TEXT, CHUNK, once) == type(validated(TEXT, CHUNK, once))(once, ())
    assert once == Program(once.calls)
