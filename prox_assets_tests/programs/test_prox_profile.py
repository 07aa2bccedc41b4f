"""The defects of docs/prox_profile.md, 1 to 18: the profile has each of them, the default has not."""

import time
from collections.abc import Callable

import pytest

from prox_assets.chunking import Chunk, chunk_lines, numbered, shown_lines, whole
from prox_assets.programs import Execution, Rails, Stage, execute_chunks, execute_document, parse
from prox_assets.programs.profiles.prox import (
    ReleasedRun,
    chunks_as_released,
    execute_as_released,
    execution_as_released,
    joined_as_released,
    keep_as_released,
    run_as_released,
)

FILLER = "\nThese are more than ten words so that no document is too short to keep here."


def released(text: str, program: str) -> str:
    return execute_as_released(text, program)


def default(text: str, program: str) -> Execution:
    return execute_chunks(text, [(whole(text), parse(program, Stage.CHUNK), None)], Rails())


def outcomes(execution: Execution) -> list[str]:
    return [str(edit.outcome) for edit in execution.edits]


def test_item_1_equals_sign_in_a_string() -> None:
    text = "See http://scholar/citations?user=tF_eB now" + FILLER
    program = 'normalize(source_str="http://scholar/citations?user=tF_eB", target_str="")'
    assert released(text, program) == "See =tF_eB now" + FILLER
    assert default(text, program).text == "See  now" + FILLER


def test_item_2_comma_in_a_string() -> None:
    text = "Posted, by admin. Home page, About=us." + FILLER
    three_parts = 'normalize(source_str="Posted, by admin", target_str="")'
    assert run_as_released(text, three_parts) == ReleasedRun(text, 0)
    assert default(text, three_parts).text == ". Home page, About=us." + FILLER
    read_as_two = 'normalize(source_str="Home, About=us")'
    assert released(text, read_as_two) == "Posted, by admin. us page, About=us." + FILLER
    assert outcomes(default(text, read_as_two)) == ["no_match"]


def test_item_3_bracket_in_a_string() -> None:
    text = "Title (Share this) rest" + FILLER
    program = 'normalize(source_str="(Share this) rest", target_str="")'
    assert released(text, 'normalize(source_str="(Share this) rest")') == "Title ) rest" + FILLER
    assert run_as_released(text, program).text == "Title ) rest" + FILLER
    assert default(text, program).text == "Title " + FILLER


def test_item_4_quotes_positions_and_order_of_keywords() -> None:
    text = "menu\nmenu\ntext and more\nfoot" + FILLER
    assert run_as_released(text, "normalize(source_str='menu', target_str='')") == ReleasedRun(text, 0)
    assert "menu" not in default(text, "normalize(source_str='menu', target_str='')").text
    assert run_as_released(text, "remove_lines(0, 0)") == ReleasedRun(text, 1)
    assert default(text, "remove_lines(0, 0)").text == text[5:]
    swapped = "remove_lines(end=1, start=0)"
    assert run_as_released(text, swapped) == ReleasedRun(text, 0)
    assert default(text, swapped).text == text[10:]


@pytest.mark.parametrize(
    ("program", "right"),
    [
        ("# menu\n  remove_lines(line_start=0, line_end=0)", "b\nc" + FILLER),
        ("Program: remove_lines(line_start=0, line_end=0)", "b\nc" + FILLER),
        ("keep_chunk() remove_lines(line_start=0, line_end=0)", "b\nc" + FILLER),
        ("delete_lines(start=0, end=0)", "a\nb\nc" + FILLER),
    ],
)
def test_item_5_calls_dropped_in_silence(program: str, right: str) -> None:
    text = "a\nb\nc" + FILLER
    assert run_as_released(text, program) == ReleasedRun(text, 0)
    execution = default(text, program)
    assert execution.text == right
    assert len(execution.edits) >= 1


def test_item_5_prose_is_executed() -> None:
    text = "about bob" + FILLER
    assert released(text, "normalize the text (a=b)").startswith("aout o\n")
    assert default(text, "normalize the text (a=b)").text == text


def test_item_6_normalize_reaches_everywhere() -> None:
    text = "Homer went Homeward\nHome" + FILLER
    program = 'normalize(source_str="Home", target_str="")'
    assert released(text, program).startswith("r went ward\n\n")
    second = Chunk(1, 1, 3, 20, len(text))
    execution = execute_chunks(text, [(second, parse(program, Stage.CHUNK), None)])
    assert execution.text == "Homer went Homeward\n" + FILLER
    every_space = 'normalize(source_str=" ")'
    assert " " not in run_as_released(text, every_space).text
    assert outcomes(default(text, every_space)) == ["blank_string"]


def test_item_6_one_normalize_feeds_the_next() -> None:
    text = "one two" + FILLER
    program = 'normalize(source_str="one", target_str="two")\nnormalize(source_str="two", target_str="")'
    assert released(text, program) == " " + FILLER
    assert default(text, program).text == "two " + FILLER
    newline = r'normalize(source_str="one ", target_str="one\n")'
    assert released(text, newline).startswith(r"one\ntwo")
    assert default(text, newline).text.startswith("one\ntwo")


def test_item_7_one_call_cut_off_voids_the_document() -> None:
    text = "menu\ntext" + FILLER
    program = "remove_lines(line_start=0, line_end=0)\nremove_lines(start=58, end"
    assert run_as_released(text, program) == ReleasedRun("text" + FILLER, 2)
    assert released(text, program) == text
    execution = default(text, program)
    assert execution.text == "text" + FILLER
    assert outcomes(execution) == ["applied", "cut_off"]


def test_item_8_a_cut_takes_the_last_digit() -> None:
    text = "\n".join(f"line {i} text" for i in range(70))
    program = "remove_lines(start=50, end=59"
    assert run_as_released(text, program) == ReleasedRun(text, 1)
    assert run_as_released(text, "remove_lines(start=3, end=59").text.split("\n")[3] == "line 6 text"
    assert outcomes(default(text, program)) == ["cut_off"]
    links = "https http htt" + FILLER
    assert released(links, 'normalize(source_str="http').startswith("ps p ")
    assert default(links, 'normalize(source_str="http').text == links


def test_item_9_ranges_that_are_none() -> None:
    text = "a\nb\nc" + FILLER
    for program in (
        "remove_lines(start=2, end=0)",
        "remove_lines(start=-3, end=-1)",
        "remove_lines(a=0, b=-2)",
    ):
        assert run_as_released(text, program) == ReleasedRun(text, 0)
    assert outcomes(default(text, "remove_lines(start=2, end=0)")) == ["reversed"]
    assert outcomes(default(text, "remove_lines(start=-3, end=-1)")) == ["out_of_bounds"]
    began = time.perf_counter()
    assert outcomes(default(text, "remove_lines(0, 30000000)")) == ["out_of_range"]
    assert run_as_released(text, "remove_lines(start=1, end=30000000)") == ReleasedRun("a", 1)
    assert time.perf_counter() - began < 0.5


def test_item_10_the_named_failures_are_no_errors() -> None:
    text = "menu\ntext" + FILLER
    missing = 'normalize(source_str="nowhere", target_str="")'
    assert run_as_released(text, missing) == ReleasedRun(text, 0)
    assert outcomes(default(text, missing)) == ["no_match"]
    looping = "\n".join(["remove_lines(start=0, end=0)"] * 200)
    assert run_as_released(text, looping).errors == 0
    assert outcomes(default(text, looping)) == ["applied", *["repeated"] * 199]


def test_item_11_one_chunk_erases_the_document() -> None:
    text = "menu\nmenu\n" + "text of the document\n" * 20
    first, second = Chunk(0, 0, 2, 0, 10), Chunk(1, 2, 23, 10, len(text))
    outputs = ["remove_lines(all=True)", "keep_chunk()"]
    assert run_as_released(text, joined_as_released(outputs)).text == ""
    programs = [(c, parse(o, Stage.CHUNK), None) for c, o in zip((first, second), outputs, strict=True)]
    assert execute_chunks(text, programs).text == text[10:]


def test_item_12_the_guard_rail() -> None:
    text = "\n".join(f"word{i}" for i in range(300))
    nearly_all, not_quite = "remove_lines(start=0, end=287)", "remove_lines(start=0, end=281)"
    assert released(text, nearly_all) == ""
    assert released(text, nearly_all + "\nremove_lines(\nremove_lines(") == text
    assert len(released(text, not_quite).split()) == 18
    execution = default(text, nearly_all)
    assert (execution.text, execution.reason) == ("", "over_removed")
    broken = default(text, nearly_all + "\nremove_lines(\nremove_lines(")
    assert (broken.text, broken.reason) == ("", "over_removed")
    grown = 'normalize(source_str="word0", target_str="' + "x" * 5000 + '")'
    assert len(released(text, grown)) > 2 * len(text)
    assert default(text, grown).text == text
    assert released("ten words or fewer", "remove_lines(\nremove_lines(") == ""
    assert default("ten words or fewer", "remove_lines(\nremove_lines(").text == "ten words or fewer"


def test_item_13_short_by_white_space_is_blanked() -> None:
    chinese = "\n".join(["这是一个没有空格的中文句子，讲述一个完整的故事，内容充实而且干净。" * 18] * 9)
    assert released(chinese, "keep_chunk()") == ""
    assert default(chinese, "keep_chunk()").text == chinese
    theorem = "Theorem. 1 + 1 = 2.\nProof. Clear."
    assert released(theorem, "") == ""
    assert default(theorem, "").text == theorem


def test_item_14_white_space_divides_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        released(" \n ", "keep_chunk()")
    assert execution_as_released(" \n ", ["keep_chunk()"]).reason == "division_by_zero"
    assert default(" \n ", "keep_chunk()").text == " \n "


def test_item_15_no_record() -> None:
    text = "menu\ntext" + FILLER
    program = "remove_lines(start=0, end=0)"
    profile, ours = execution_as_released(text, [program]), default(text, program)
    assert profile.text == ours.text
    assert profile.edits == ()
    assert [(edit.start, edit.stop, edit.removed) for edit in ours.edits] == [(0, 5, "menu\n")]


@pytest.mark.parametrize(
    ("program", "profile", "ours", "outcome"),
    [
        ("keep_doc()  # do not drop", False, True, "keep_doc"),
        ("drop_doc()", False, False, "drop_doc"),
        ("", True, True, "no_decision"),
        ("garbage", True, True, "no_decision"),
    ],
)
def test_item_16_the_word_drop_drops(program: str, profile: bool, ours: bool, outcome: str) -> None:
    assert keep_as_released(program) is profile
    decision = execute_document(parse(program, Stage.DOCUMENT))
    assert (decision.keep, decision.outcome) == (ours, outcome)


def words_with_bos(counted: list[str]) -> Callable[[str], int]:
    def count(line: str) -> int:
        counted.append(line)
        return 1 + len(line.split())

    return count


def starts(text: str) -> list[int]:
    return [
        i for i, c in enumerate(text) if c == "\n" or (not c.isspace() and (i == 0 or text[i - 1].isspace()))
    ]


def test_item_17_an_over_long_line_is_sent_whole() -> None:
    text = "short line\n" + "word word. " * 500 + "\nlast line"
    chunks = chunks_as_released(text, words_with_bos([]), window=100)
    assert [c.line_stop - c.line_start for c in chunks] == [1, 1, 1]
    assert len(text[chunks[1].start : chunks[1].stop].split()) == 1000
    ours = chunk_lines(text, starts(text), 100)
    assert max(len(text[c.start : c.stop].split()) for c in ours) <= 100
    assert "".join(text[c.start : c.stop] for c in ours) == text


def test_item_18_labels_and_counting() -> None:
    text = "a b\n" * 1200
    counted: list[str] = []
    chunks = chunks_as_released(text, words_with_bos(counted), window=30)
    assert len(counted) == 1201, "one tokenizer call a line"
    assert counted[0] == "[000]a b"
    assert numbered(text, chunks[-1]).split("\n")[0].startswith("[1200]") or "[1199]" in numbered(
        text, chunks[-1]
    )
    assert chunks[0].line_stop == 10, "10 lines of BOS, [000]a and b; the newlines are not counted"
    assert {c.context_lines for c in chunks} == {0}

    ours = chunk_lines(text, starts(text), 30, overlap=6)
    assert ours[0].line_stop == 10, "10 lines of a, b and the newline; no BOS"
    assert {c.context_lines for c in ours[1:]} == {2}
    labels = [line[:5] for line in numbered(text, ours[-1], first=0).split("\n")]
    assert labels == [f"[{i:03d}]" for i in range(len(shown_lines(text, ours[-1])))]
