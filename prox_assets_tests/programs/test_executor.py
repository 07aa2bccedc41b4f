"""What programs do to a document, and the record they leave."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets.chunking import chunk_lines, whole
from prox_assets.errors import ProgramError
from prox_assets.programs import (
    REGISTRY,
    Beyond,
    Boundary,
    Call,
    Edit,
    Execution,
    Program,
    Rails,
    Stage,
    Verdict,
    apply_edits,
    execute_chunks,
    execute_document,
    keep_chunk,
    normalize,
    parse,
    remove_lines,
    removed_line_numbers,
    removing,
    revert_edits,
)

PAGE = "Home | About\nArticle text here.[edit]\nMore Homer at Home.[edit]\nFooter"
NO_RAILS = Rails(max_removed_share=1.0, min_kept_chars=0, max_added_share=1e9)


def run(text: str, program: str, rails: Rails = NO_RAILS) -> Execution:
    return execute_chunks(text, [(whole(text), parse(program, Stage.CHUNK), None)], rails)


def outcomes(execution: Execution) -> list[tuple[str, str]]:
    return [(edit.call, str(edit.outcome)) for edit in execution.edits]


def test_lines_and_strings_go_with_their_spans_on_record() -> None:
    execution = run(PAGE, 'remove_lines(0, 0)\nnormalize("[edit]", "")\nremove_lines(3, 3)')
    assert execution.text == "Article text here.\nMore Homer at Home."
    assert [(e.call, e.position, PAGE[e.start : e.stop]) for e in execution.edits] == [
        ("remove_lines", 0, "Home | About\n"),
        ("normalize", 1, "[edit]"),
        ("normalize", 1, "[edit]"),
        ("remove_lines", 2, "\nFooter"),
    ]
    assert all(edit.removed == PAGE[edit.start : edit.stop] for edit in execution.edits)


@given(st.text("ab\n", max_size=30), st.sets(st.integers(0, 31)))
def test_removing_lines_keeps_exactly_the_others(text: str, lines: set[int]) -> None:
    all_lines = text.split("\n")
    gone = {line for line in lines if line < len(all_lines)}
    execution = execute_chunks(text, [(whole(text), removing(gone), None)], NO_RAILS)
    assert execution.text == "\n".join(line for i, line in enumerate(all_lines) if i not in gone)


@given(st.text("ab\n", max_size=40), st.sets(st.integers(0, 41)), st.integers(1, 9))
def test_removing_lines_over_several_chunks_is_the_same(text: str, lines: set[int], window: int) -> None:
    gone = {line for line in lines if line < text.count("\n") + 1}
    starts = [i for i, c in enumerate(text) if c != "b"]
    chunks = chunk_lines(text, starts, window)
    if any(c.start and text[c.start - 1] != "\n" for c in chunks) or (
        text and chunks[-1].line_stop <= max(gone, default=0)
    ):
        return  # pieces of over-long lines: a line number means one piece only
    programs = [(c, removing(gone & set(range(c.line_start, c.line_stop))), None) for c in chunks]
    kept = "\n".join(line for i, line in enumerate(text.split("\n")) if i not in gone)
    assert execute_chunks(text, programs, NO_RAILS).text == (kept if text else "")


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("keep_chunk()", "kept"),
        ("remove_lines(2, 1)", "reversed"),
        ("remove_lines(0, 30000000)", "out_of_range"),
        ("remove_lines(4, 4)", "out_of_range"),
        ('normalize("nowhere", "")', "no_match"),
        ('normalize("ome", "")', "inside_word"),
        ('normalize("Home", "Home")', "unchanged"),
        ("remove_lines(0, 1", "cut_off"),
        ("keep_doc()", "wrong_stage"),
        ("remove_str(0, 'Home')", "disabled"),
        ("add_line(0, 1, 'new')", "unsupported"),
        ("erase(3)", "unknown_call"),
    ],
)
def test_a_call_that_does_nothing_says_why(program: str, outcome: str) -> None:
    execution = run(PAGE, program)
    assert execution.text == PAGE
    assert [code for _, code in outcomes(execution)] == [outcome]


def test_where_two_calls_want_the_same_text_the_first_has_it() -> None:
    execution = run(
        "ab cd ef\nmenu\nmenu two\nend",
        'normalize("ab cd", "x")\nnormalize("cd ef", "y")\nnormalize("menu", "")\nremove_lines(1, 1)\n'
        "remove_lines(1, 2)\nremove_lines(1, 1)\nremove_lines(2, 2)",
    )
    assert execution.text == "x ef\nend"
    assert outcomes(execution) == [
        ("normalize", "applied"),
        ("normalize", "overlaps"),
        ("normalize", "covered"),
        ("normalize", "covered"),
        ("remove_lines", "applied"),
        ("remove_lines", "applied"),
        ("remove_lines", "repeated"),
        ("remove_lines", "covered"),
    ]


def test_normalize_stays_in_its_chunk() -> None:
    text = "ad one\nad two\n"
    first, second = chunk_lines(text, [0, 3, 7, 10], 2)
    program = Program((normalize("ad "),))
    execution = execute_chunks(
        text, [(first, Program((keep_chunk(),)), None), (second, program, None)], NO_RAILS
    )
    assert execution.text == "ad one\ntwo\n"


@pytest.mark.parametrize(
    ("text", "source", "refined"),
    [
        ("Homer went Homeward, Home.", "Home", "Homer went Homeward, ."),
        ("広告です。広告", "広告", "です。"),
        ("ที่นี่โฆษณาครับ", "โฆษณา", "ที่นี่ครับ"),
        ("分享Share按钮 Shareware", "Share", "分享按钮 Shareware"),
        ("x2 2 22", "2", "x2  22"),
        ("[1] a [1]b", "[1]", " a b"),
    ],
)
def test_word_boundaries_are_asked_for_only_where_a_script_has_them(
    text: str, source: str, refined: str
) -> None:
    execution = execute_chunks(text, [(whole(text), Program((normalize(source),)), None)], NO_RAILS)
    assert execution.text == refined


def test_many_matches_inside_words_give_the_same_answer_as_few() -> None:
    text = "aa" * 200 + " a " + "aa" * 200
    execution = run(text, 'normalize("a", "")')
    assert execution.text == "aa" * 200 + "  " + "aa" * 200
    assert outcomes(run("aa" * 200, 'normalize("a", "")')) == [("normalize", "inside_word")]


def test_the_rails_say_how_often_and_where_a_string_may_match() -> None:
    text = "ad one ad two lead"
    once = Rails(max_matches=1)
    assert outcomes(run(text, 'normalize("ad", "")', once)) == [("normalize", "ambiguous")]
    anywhere = Rails(boundary=Boundary.ANYWHERE, min_kept_chars=0)
    assert run(text, 'normalize("ad", "")', anywhere).text == " one  two le"


def test_calls_past_the_limit_do_nothing() -> None:
    execution = run("a\nb\nc", "remove_lines(0, 0)\nremove_lines(1, 1)", Rails(max_calls=1, min_kept_chars=0))
    assert execution.text == "b\nc"
    assert outcomes(execution)[1] == ("remove_lines", "too_many_calls")


def test_what_removes_too_much_is_not_believed() -> None:
    text = "menu\n" * 99 + "text"
    restored = run(text, "remove_lines(0, 98)", Rails(beyond=Beyond.RESTORE))
    assert (restored.text, str(restored.status), str(restored.reason)) == (text, "kept", "over_guard_rail")
    assert outcomes(restored) == [("remove_lines", "over_guard_rail")]
    emptied = run(text, "remove_lines(0, 98)", Rails())
    assert (emptied.text, str(emptied.status), str(emptied.reason)) == ("", "emptied", "over_removed")
    assert apply_edits(text, emptied.edits) == ""
    assert revert_edits("", emptied.edits) == text


def test_a_chunk_can_have_a_rail_of_its_own() -> None:
    text = "menu\nmenu\ntext text\nmore text\n"
    first, second = chunk_lines(text, [0, 5, 10, 20], 2)
    programs = [(first, removing({0, 1}), None), (second, removing({2}), None)]
    rails = Rails(max_chunk_removed_share=0.6, min_kept_chars=0, beyond=Beyond.RESTORE)
    restored = execute_chunks(text, programs, rails)
    assert restored.text == "menu\nmenu\nmore text\n"
    assert outcomes(restored) == [("remove_lines", "over_guard_rail"), ("remove_lines", "applied")]


@pytest.mark.parametrize("lines", [{2}, {3}, {2, 3}])
def test_a_chunk_over_its_rail_goes_whole(lines: set[int]) -> None:
    text = "text of the page\nmore\nmenu and more\nmenu"
    first, second = chunk_lines(text, [0, 5, 8, 12, 17, 22, 27, 31, 36], 5)
    programs = [(first, removing(set()), None), (second, removing(lines), None)]
    execution = execute_chunks(text, programs, Rails(max_chunk_removed_share=0.2, min_kept_chars=0))
    assert execution.text == "text of the page\nmore"
    assert revert_edits(execution.text, execution.edits) == text


@given(st.text("ab\n", max_size=20), st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2))
def test_a_kept_document_has_text_unless_its_source_has_none(
    text: str, lines: int, share: float, least: int
) -> None:
    gone = set(range(min(lines, text.count("\n") + 1)))
    for beyond in Beyond:
        rails = Rails(max_removed_share=share, min_kept_chars=least, beyond=beyond)
        execution = execute_chunks(text, [(whole(text), removing(gone), None)], rails)
        assert (execution.status == "kept") is (bool(execution.text) or not text)
        assert execution.status == "kept" or execution.reason


def test_what_removes_everything_has_a_reason_of_its_own() -> None:
    execution = run("menu", "remove_lines(0, 0)", Rails(max_removed_share=1.0, min_kept_chars=0))
    assert (execution.text, str(execution.status), str(execution.reason)) == ("", "emptied", "nothing_left")


def test_rails_take_their_choices_by_name() -> None:
    assert Rails(beyond="restore", boundary="anywhere") == Rails(  # type: ignore[arg-type]
        beyond=Beyond.RESTORE, boundary=Boundary.ANYWHERE
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beyond", "keep"),
        ("boundary", None),
        ("max_removed_share", float("nan")),
        ("max_chunk_removed_share", -0.1),
        ("max_added_share", "0.5"),
        ("max_removed_share", True),
        ("min_kept_chars", -1),
        ("max_matches", 0),
        ("max_calls", 1.5),
    ],
)
def test_rails_refuse_what_is_no_limit(name: str, value: object) -> None:
    with pytest.raises(ProgramError, match=f"rails: {name} is .*; use "):
        Rails(**{name: value})  # type: ignore[arg-type]


@given(
    st.text("ab c\n", max_size=30),
    st.lists(st.sampled_from(["a", "b c", "a b", "c\na", " a", "c "]), max_size=4, unique=True),
    st.randoms(use_true_random=False),
)
def test_deletions_come_to_the_same_in_any_order(
    text: str, strings: list[str], chance: random.Random
) -> None:
    calls = [normalize(string) for string in strings]
    shuffled = chance.sample(calls, len(calls))
    rails = replace(NO_RAILS, boundary=Boundary.ANYWHERE)
    one, other = (
        execute_chunks(text, [(whole(text), Program(tuple(order)), None)], rails).text
        for order in (calls, shuffled)
    )
    assert one == other


def test_text_does_not_grow_past_the_rail() -> None:
    execution = run("one two three four", f'normalize("two", "{"x" * 50}")', Rails())
    assert execution.text == "one two three four"
    assert outcomes(execution) == [("normalize", "over_guard_rail")]


@pytest.mark.parametrize(
    "text",
    [
        "Theorem. 1 + 1 = 2.\nProof. Obvious.",
        "定理。一加一等于二。\n证明显然成立。",
        "∃x.",
        "ทฤษฎีบทนี้สั้นมาก",
        "短い。",
        "   ",
        "\n",
        "",
    ],
)
def test_a_short_document_that_nothing_changes_is_kept(text: str) -> None:
    assert run(text, "keep_chunk()", Rails()).text == text
    assert str(run(text, "", Rails()).status) == "kept"


def test_a_two_line_theorem_loses_only_its_menu_line() -> None:
    assert run("Menu\nTheorem. 1 + 1 = 2.", "remove_lines(0, 0)", Rails()).text == "Theorem. 1 + 1 = 2."
    assert (
        run("导航\n定理：一加一等于二，显然成立。", "remove_lines(0, 0)", Rails()).text
        == "定理：一加一等于二，显然成立。"
    )


def test_a_remainder_without_substance_is_emptied_on_record() -> None:
    text = "A long line of menu text that goes\nok"
    execution = run(text, "remove_lines(0, 0)", Rails(max_removed_share=0.99))
    assert (execution.text, str(execution.status), str(execution.reason)) == ("", "emptied", "too_short")
    assert execution.edits[-1] == Edit("guard_rail", -1, 35, 37, "", None, "applied", -1, "ok")
    assert revert_edits("", execution.edits) == text


def test_scores_go_with_their_calls() -> None:
    program = Program((remove_lines(0, 0), normalize("nowhere")))
    execution = execute_chunks(PAGE, [(whole(PAGE), program, [0.9, 0.6])], Rails())
    assert [edit.score for edit in execution.edits] == [0.9, 0.6]


@pytest.mark.parametrize(
    ("program", "keep", "verdict"),
    [
        ("keep_doc()", True, Verdict.KEEP),
        ("drop_doc()", False, Verdict.DROP),
        ("drop_doc()\ndrop_doc()", False, Verdict.DROP),
        ("keep_doc()\ndrop_doc()", True, Verdict.CONTRADICTORY),
        ("keep_doc()  # do not drop_doc()", True, Verdict.KEEP),
        ("I would drop it", True, Verdict.NO_DECISION),
        ("", True, Verdict.NO_DECISION),
    ],
)
def test_a_document_is_dropped_only_where_its_program_says_so(
    program: str, keep: bool, verdict: Verdict
) -> None:
    decision = execute_document(parse(program, Stage.DOCUMENT))
    assert (decision.keep, decision.outcome) == (keep, verdict)


def test_calls_of_the_rivals_act_on_one_line_once_enabled() -> None:
    registry = REGISTRY.enabling("remove_str", "replace_str")
    text = "ad and more\nad ad\nlast"
    program = parse(
        'remove_str(0, "ad ")\nremove_str(1, "ad")\nreplace_str(line=2, old="last", new="end")\n'
        'replace_str(2, "none", "x")',
        Stage.CHUNK,
        registry,
    )
    execution = execute_chunks(text, [(whole(text), program, None)], NO_RAILS, registry)
    assert execution.text == "and more\nad ad\nend"
    assert [code for _, code in outcomes(execution)] == ["applied", "ambiguous", "applied", "no_match"]


def test_lines_of_the_context_are_not_the_chunks_own() -> None:
    text = "a b\nc d\ne f\ng h"
    chunk = chunk_lines(text, [0, 2, 4, 6, 8, 10, 12, 14], 4, overlap=2)[1]
    only_context = execute_chunks(text, [(chunk, removing({1}), None)], NO_RAILS)
    assert outcomes(only_context) == [("remove_lines", "not_owned")]
    both = execute_chunks(text, [(chunk, removing({1, 2}), None)], NO_RAILS)
    assert both.text == "a b\nc d\ng h"


def test_removed_line_numbers_are_those_the_chunk_owns() -> None:
    program = parse("remove_lines(1, 2)\nremove_lines(2, 3)\nremove_lines(9, 9)\nnormalize('x')", Stage.CHUNK)
    assert removed_line_numbers(program, whole("a\nb\nc\nd\ne")) == [1, 2, 3]
    assert removed_line_numbers(Program((Call("remove_lines", (True,), 1),)), whole("a\nb")) == [0, 1]


def test_a_record_is_refused_for_another_text() -> None:
    edits = run(PAGE, "remove_lines(0, 0)\nremove_lines(3, 3)").edits
    with pytest.raises(ProgramError, match="does not fit"):
        apply_edits("short", edits)
    replaced = run(PAGE, 'normalize("Article", "Text")').edits
    with pytest.raises(ProgramError, match="nothing like the edit"):
        revert_edits("quite another text than that", replaced)
