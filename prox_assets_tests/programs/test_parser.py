"""What models really write, read call by call."""

import pytest
from hypothesis import given

from prox_assets.errors import ProgramError
from prox_assets.programs import (
    REGISTRY,
    Call,
    Program,
    Refused,
    Stage,
    keep_chunk,
    normalize,
    parse,
    remove_all_lines,
    remove_lines,
    removing,
    render,
    shifted,
)
from prox_assets.programs.parser import read_canonical
from prox_assets_tests.programs.generated import programs

MENU = Program((remove_lines(0, 3),))


@pytest.mark.parametrize(
    "text",
    [
        "remove_lines(line_start=0, line_end=3)",
        "remove_lines(0, 3)",
        "remove_lines(0, line_end=3)",
        "remove_lines(end=3, start=0)",
        "remove_lines( line_start = 0 ,line_end=3 , )",
        "    remove_lines(0, 3)  # the menu",
        "remove_lines(000, 003)",
        "Program: remove_lines(0, 3)",
        "1. remove_lines(0, 3)",
        "The menu is noise.\n\n```python\n# the menu\nremove_lines(0, 3)\n```\nSo: remove_lines(4, 5).",
        "```\nremove_lines(0, 3)",
        "remove_lines(0, 3)\n```\n",
        "We normalize the text (a=b). `remove_lines(0, 3)`",
        "remove_lines(\n    line_start=0,  # first\n    line_end=3,\n)",
        "# remove_lines(7, 8)\nremove_lines(0, 3)",
        "line(s) 0-3 (the menu):\nremove_lines(0, 3)",
        "x = 'remove_lines(7, 8)'\nremove_lines(0, 3)",
        "remove_lines(0, 3, all=False)",
    ],
)
def test_ways_to_write_one_call(text: str) -> None:
    program = parse(text, Stage.CHUNK)
    assert (program.calls, program.refusals) == (MENU.calls, ())


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("remove_lines(0, 1); remove_lines(4, 5) keep_chunk()", 3),
        ("remove_lines(0, 1)remove_lines(4, 5)", 2),
        ("remove_lines(0, 1)\r\nremove_lines(4, 5)\r\n", 2),
        ("```python\nremove_lines(0, 1)\n```\nand\n~~~\nremove_lines(4, 5)\n~~~", 2),
    ],
)
def test_several_calls(text: str, calls: int) -> None:
    program = parse(text, Stage.CHUNK)
    assert (len(program.calls), program.refusals) == (calls, ())


@pytest.mark.parametrize("text", ["untouch_doc()", "skip_chunk()", "keep_all()", "keep_chunk()"])
def test_names_for_the_call_that_does_nothing(text: str) -> None:
    assert parse(text, Stage.CHUNK).calls == (keep_chunk(),)


@pytest.mark.parametrize("text", ["remove_lines(all=True)", "remove_all()", "remove_lines(all=true)"])
def test_names_for_removing_everything(text: str) -> None:
    assert parse(text, Stage.CHUNK).calls == (remove_all_lines(),)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r'"a=b, (c) #d"', "a=b, (c) #d"),
        (r"'it\'s'", "it's"),
        (r'"say \"x\""', 'say "x"'),
        (r'"tab\tnew\nline"', "tab\tnew\nline"),
        (r'"\u00e9\x41\101\N{BULLET}\U0001F600"', "\u00e9AA\u2022\U0001f600"),
        (r'"\d stays"', r"\d stays"),
        (r'r"\n"', r"\n"),
        ('"""two\nlines"""', "two\nlines"),
        ("'''a \"b\" 'c' '''", "a \"b\" 'c' "),
        ("'one ' \"two\"", "one two"),
        ('"```"', "```"),
        ('"# not a comment"', "# not a comment"),
        (r'"\ud83d\ude00 \uD83D\uDE00"', "\U0001f600 \U0001f600"),
        ('"remove_lines(0, 9)"', "remove_lines(0, 9)"),
    ],
)
def test_strings_mean_what_they_mean_in_python(literal: str, value: str) -> None:
    assert parse(f"normalize({literal}, target_str='')", Stage.CHUNK) == Program((normalize(value),))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("remove_lines(start=58, end", Refused.CUT_OFF),
        ("remove_lines(start=50, end=59", Refused.CUT_OFF),
        ("remove_lines(", Refused.CUT_OFF),
        ("remove_lines(0,", Refused.CUT_OFF),
        ('normalize(source_str="http', Refused.CUT_OFF),
        ('normalize(source_str="http", target_s', Refused.CUT_OFF),
        ("normalize('''a", Refused.CUT_OFF),
        ("remove_lines(start, end)", Refused.NOT_LITERAL),
        ("remove_lines(0 1)", Refused.NOT_LITERAL),
        ("remove_lines(1 + 1, 3)", Refused.NOT_LITERAL),
        ("remove_lines(len('x'), 3)", Refused.NOT_LITERAL),
        ("normalize(f'{x}', '')", Refused.NOT_LITERAL),
        ("remove_lines(1.5, 3)", Refused.NOT_LITERAL),
        ("remove_lines([0], 3)", Refused.NOT_LITERAL),
        ('normalize("never closed\n)', Refused.BAD_STRING),
        (r"normalize('\x', '')", Refused.BAD_STRING),
        (r"normalize('a\ud83d', '')", Refused.BAD_STRING),
        (r"normalize('a', '\ude00\ud83d')", Refused.BAD_STRING),
        (r"normalize('a', '\ud83d' '\ude00')", Refused.BAD_STRING),
        (r"normalize('a', '\U0000d83d')", Refused.BAD_STRING),
        ("normalize('a', '\ud83d\ude00')", Refused.BAD_STRING),
        ('normalize(source_str="a", target_str="\ud83d")', Refused.BAD_STRING),
        (r"normalize('\N{NO SUCH NAME}', '')", Refused.BAD_STRING),
        (r"normalize('\U99999999', '')", Refused.BAD_STRING),
        ('remove_lines("0", 3)', Refused.WRONG_TYPE),
        ("remove_lines(True, 3)", Refused.WRONG_TYPE),
        ("normalize(3)", Refused.WRONG_TYPE),
        ("remove_lines(-1, 3)", Refused.OUT_OF_BOUNDS),
        (f"remove_lines(0, {'9' * 10_000})", Refused.OUT_OF_BOUNDS),
        ("normalize('')", Refused.BLANK_STRING),
        ("normalize(source_str=' ')", Refused.BLANK_STRING),
        ("remove_lines(3)", Refused.MISSING_ARGUMENT),
        ("remove_lines()", Refused.MISSING_ARGUMENT),
        ("normalize(target_str='x')", Refused.MISSING_ARGUMENT),
        ("remove_lines(0, 3, because='menu')", Refused.TOO_MANY_ARGUMENTS),
        ("remove_lines(first=0, last=3)", Refused.UNKNOWN_ARGUMENT),
        ("remove_lines(0, start=3)", Refused.REPEATED_ARGUMENT),
        ("delete_lines(0, 3)", Refused.UNKNOWN_CALL),
        ("remove_str(0, 'x')", Refused.DISABLED),
        ("replace_str(0, 'x', 'y')", Refused.DISABLED),
        ("add_line(0, 1, 'x')", Refused.UNSUPPORTED),
        ("drop_doc()", Refused.WRONG_STAGE),
    ],
)
def test_a_call_that_cannot_be_believed_is_refused_and_the_others_stand(text: str, code: Refused) -> None:
    program = parse(f"remove_lines(0, 3)\n{text}", Stage.CHUNK)
    assert program.calls == MENU.calls
    assert [(r.code, r.at) for r in program.refusals] == [(code, 19)]


@pytest.mark.parametrize(
    "text",
    [
        "remove_lines(start=58, end\nremove_lines(0, 3)",
        "remove_lines(58,\nremove_lines(0, 3)",
        'normalize("abc, remove_lines(7, 8)\nremove_lines(0, 3)',
        "normalize('don't', '')\nremove_lines(0, 3)",
        'normalize(\n  x,\n  "remove_lines(7, 8)",\n)\nremove_lines(0, 3)',
        "foo(remove_lines)\nnormalize(remove_lines(7, 8))\nremove_lines(0, 3)",
    ],
)
def test_after_a_broken_call_the_next_line_is_read(text: str) -> None:
    program = parse(text, Stage.CHUNK)
    assert program.calls == MENU.calls
    assert len(program.refusals) == 1


def test_a_refusal_says_where_and_what() -> None:
    refusal = parse("x\nremove_lines(0, to=3)", Stage.CHUNK).refusals[0]
    assert (refusal.call, refusal.at, refusal.detail) == ("remove_lines", 2, "to")


@given(programs())
def test_canonical_text_reads_back_equal(program: Program) -> None:
    text = render(program)
    assert parse(text, Stage.CHUNK) == program
    if program.calls:
        assert parse(f"Because.\n```python\n{text}\n```", Stage.CHUNK) == program
    text.encode()
    assert len(text.split("\n")) == max(1, len(program.calls))


@given(programs())
def test_the_quick_way_through_canonical_text_reads_what_the_general_way_reads(program: Program) -> None:
    text = render(program)
    calls, stop = read_canonical(text, Stage.CHUNK, REGISTRY)
    assert tuple(calls) == program.calls[: len(calls)]
    assert len(calls) == len(program.calls) if stop == len(text) else stop == 0 or text[stop - 1] == "\n"
    assert parse(f"\n{text}", Stage.CHUNK) == program
    assert parse(f" {text}", Stage.CHUNK) == program


def test_canonical_text_is_json_like() -> None:
    program = Program((remove_lines(0, 3), remove_all_lines(), normalize('a"b\n\u202e\ud800é')))
    assert render(program).split("\n") == [
        "remove_lines(line_start=0, line_end=3)",
        "remove_lines(all=True)",
        r'normalize(source_str="a\"b\n\u202e\ud800é", target_str="")',
    ]


def test_builders_refuse_what_the_parser_would() -> None:
    with pytest.raises(ProgramError, match="lines count from 0"):
        remove_lines(3, 2)
    with pytest.raises(ProgramError, match="no visible character"):
        normalize(" \n")


def test_lines_become_runs() -> None:
    assert removing([5, 1, 2, 3, 3]) == Program((remove_lines(1, 3), remove_lines(5, 5)))
    assert removing([]) == Program((keep_chunk(),))


def test_programs_move_with_their_labels() -> None:
    program = Program((remove_lines(0, 3), normalize("x"), keep_chunk()))
    assert shifted(program, 40).calls == (remove_lines(40, 43), normalize("x"), keep_chunk())


def test_calls_off_by_default_can_be_enabled() -> None:
    registry = REGISTRY.enabling("remove_str")
    assert parse("remove_str(line=2, s='x')", Stage.CHUNK, registry).calls == (Call("remove_str", (2, "x")),)
    with pytest.raises(ProgramError, match="cannot be enabled"):
        REGISTRY.enabling("add_line")
    with pytest.raises(ProgramError, match="no call 'add_word'"):
        REGISTRY.enabling("add_word")
