"""The grammar and the parser agree: what the grammar writes is read, what is rendered is in the grammar."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark, UnexpectedInput

from prox_assets.errors import ProgramError
from prox_assets.programs import REGISTRY, Registry, Stage, parse, render
from prox_assets.programs.program import Program
from prox_assets.programs.rendering import lark_grammar, number_pattern
from prox_assets_tests.programs.generated import programs

LINES = range(13, 125)
EVERYTHING = REGISTRY.enabling("remove_str", "replace_str")
CHUNK = Lark(lark_grammar(Stage.CHUNK, LINES, EVERYTHING), parser="lalr")


@given(st.integers(0, 3000), st.integers(0, 3000))
@settings(max_examples=60)
def test_a_number_pattern_is_exactly_its_range(one: int, other: int) -> None:
    first, last = sorted((one, other))
    pattern = re.compile(number_pattern(first, last))
    matching = [n for n in range(3200) if pattern.fullmatch(str(n))]
    assert matching == list(range(first, last + 1))
    assert pattern.match(str(last)).group() == str(last)  # type: ignore[union-attr]


@given(from_lark(CHUNK, start="start"))
@settings(max_examples=200)
def test_everything_the_grammar_writes_parses_without_a_refusal(text: str) -> None:
    program = parse(text, Stage.CHUNK, EVERYTHING)
    assert program.refusals == ()
    assert len(program.calls) == len(CHUNK.parse(text).children)
    numbers = [v for call in program.calls for v in call.arguments if type(v) is int]
    assert all(number in LINES for number in numbers)


@given(programs(LINES, least=1))
@settings(max_examples=200)
def test_every_canonical_program_is_in_the_grammar(program: Program) -> None:
    assert len(CHUNK.parse(render(program)).children) == len(program.calls)


@pytest.mark.parametrize(
    "text",
    [
        "remove_lines(line_start=12, line_end=20)",
        "remove_lines(line_start=20, line_end=125)",
        "remove_lines(20, 21)",
        'normalize(source_str=" ", target_str="")',
        'normalize(source_str="a\nb", target_str="")',
        "keep_chunk()\n",
        "drop_doc()",
        'add_line(base=20, sub_idx=0, text="x")',
        "",
    ],
)
def test_what_the_grammar_keeps_out(text: str) -> None:
    with pytest.raises(UnexpectedInput):
        CHUNK.parse(text)


def test_a_document_program_is_one_decision() -> None:
    document = Lark(lark_grammar(Stage.DOCUMENT), parser="lalr")
    assert document.parse("keep_doc()") and document.parse("drop_doc()")
    with pytest.raises(UnexpectedInput):
        document.parse("keep_doc()\ndrop_doc()")


def test_the_number_of_calls_can_be_bounded() -> None:
    bounded = Lark(lark_grammar(Stage.CHUNK, LINES, max_calls=2), parser="lalr")
    assert bounded.parse("keep_chunk()\nkeep_chunk()")
    with pytest.raises(UnexpectedInput):
        bounded.parse("keep_chunk()\nkeep_chunk()\nkeep_chunk()")


def test_calls_that_are_off_are_not_in_the_grammar() -> None:
    assert "remove_str" not in lark_grammar(Stage.CHUNK, LINES)
    assert "add_line" not in lark_grammar(Stage.CHUNK, LINES, EVERYTHING)
    assert "LINE" not in lark_grammar(Stage.CHUNK)
    with pytest.raises(ProgramError, match="no call for a chunk"):
        lark_grammar(Stage.CHUNK, LINES, Registry(()))
