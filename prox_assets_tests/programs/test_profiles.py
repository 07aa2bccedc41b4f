"""One language object reads, writes and executes programs, and its parts agree."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark

from prox_assets.chunking import Chunk, whole
from prox_assets.config import LanguageSection as Section
from prox_assets.errors import ProgramError
from prox_assets.programs import Call, Program, Rails, Refused, normalize, remove_all_lines, remove_lines
from prox_assets.programs.profiles.interface import PROX, Language, Profile
from prox_assets.programs.rails import PastEnd
from prox_assets.refining.models import language_configuration, language_of

PAGE = "menu\nThe article.[edit]\nMore of it.\nfooter"
OPEN = Rails(max_removed_share=1.0, min_kept_chars=0, max_added_share=1.0)
ULTRAX = language_of(Section(profile="ultrax"))
LANGUAGES = [
    PROX,
    ULTRAX,
    Language(calls=("remove_str", "replace_str")),
    Language(first_line=1, past_end=PastEnd.CLIP),
]


def text(language: Language, program: str, page: str = PAGE) -> str:
    return language.execute(page, [(whole(page), language.parse(program), None)], OPEN).text


def test_calls_can_be_enabled() -> None:
    language = Language(calls=("replace_str",))
    assert text(language, "replace_str(1, '[edit]', '')") == PAGE.replace("[edit]", "")
    assert text(PROX, "replace_str(1, '[edit]', '')") == PAGE
    assert "replace_str" in language.prompt() and "replace_str" not in PROX.prompt()


def test_lines_can_count_from_one() -> None:
    language = Language(first_line=1)
    assert language.parse("remove_lines(1, 2)") == Program((remove_lines(0, 1),))
    assert language.parse("remove_lines(line_start=1, line_end=2)") == Program((remove_lines(0, 1),))
    (refusal,) = language.parse("keep_chunk()\nremove_lines(0, 2)").refusals
    assert (refusal.code, refusal.at, refusal.detail) == (Refused.OUT_OF_BOUNDS, 13, "line_start")
    assert language.render(Program((remove_lines(0, 1),))) == "remove_lines(line_start=1, line_end=2)"
    assert language.shown("a\nb", whole("a\nb"), 0) == "[001]a\n[002]b"


@pytest.mark.parametrize(
    ("program", "clipped"),
    [
        ("remove_lines(2, 99)", "menu\nThe article.[edit]"),
        ("remove_lines(4, 99)", PAGE),
        ("remove_lines(0, 3)", ""),
    ],
)
def test_ranges_past_the_end_are_refused_or_clipped(program: str, clipped: str) -> None:
    assert text(Language(past_end=PastEnd.CLIP), program) == clipped
    if "99" in program:
        assert text(PROX, program) == PAGE


def test_ultrax_is_one_setting() -> None:
    assert (
        text(ULTRAX, "add_line(1, 1, 'Title')\nremove_lines(4, 99)")
        == "menu\nTitle\nThe article.[edit]\nMore of it."
    )
    assert ULTRAX.shown("a\nb", Chunk(0, 1, 2, 2, 3), 1) == "<lid:2>b"
    assert "add_line" in ULTRAX.prompt() and "add_line" in ULTRAX.grammar(range(3))
    assert language_configuration(ULTRAX)["language"]["profile"] == "ultrax"
    assert language_configuration(PROX) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_grammar_writes_is_read_without_a_refusal(language: Language) -> None:
    lark = Lark(language.grammar(range(3, 12), max_calls=3), parser="lalr")

    @given(from_lark(lark, start="start"))
    @settings(max_examples=40, deadline=None)
    def check(program: str) -> None:
        found = language.parse(program)
        assert found.calls and not found.refusals
        assert language.parse(language.render(found)).calls == found.calls

    check()


@given(
    st.sampled_from([PROX, *LANGUAGES[2:]]),
    st.lists(st.sampled_from([remove_all_lines(), remove_lines(0, 2), normalize("a")])),
)
def test_programs_read_back_equal(language: Language, calls: list[Call]) -> None:
    assert language.parse(language.render(Program(tuple(calls)))) == Program(tuple(calls))


@pytest.mark.parametrize(
    "settings",
    [
        {"first_line": 2},
        {"calls": ("add_line",)},
        {"calls": ("erase",)},
        {"profile": Profile.ULTRAX, "first_line": 0},
        {"profile": Profile.ULTRAX, "first_line": 1, "calls": ("remove_str",)},
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ProgramError):
        Language(**settings)
