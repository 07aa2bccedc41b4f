import random
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prox_assets.chunking import Chunk, chunk_lines, whole
from prox_assets.programs import KEEP_CHUNK, Rails, applied, execute_chunks, render
from prox_assets.teacher.alignment import aligned_program, program_from_rewrite
from prox_assets.teacher.annotations import validated

RAILS = Rails(max_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)

PAGE = """Home | About us | Contact
The river museum
The museum of the river tells how boats were built [edit] in the valley.
It opened in 1987 and has been enlarged twice since.
Share Tweet
The oldest boat in the collection is a dugout of oak, found by farmers.

Visitors can row a copy of it in summer.
Related: The museum shop
© 2020 The river museum"""

CLEAN = """The museum of the river tells how boats were built in the valley.
It opened in 1987 and has been enlarged twice since.
The oldest boat in the collection is a dugout of oak, found by farmers.

Visitors can row a copy of it in summer."""

any_text = st.text(st.sampled_from("ab cdé.\n\t|-#*\"'”。中文字日本ไทย1\u0301ﬁ"), max_size=120) | st.text(
    max_size=60
)


def cleaned(text: str, rewrite: str, chunk: Chunk | None = None, replacements: bool = False) -> str:
    chunk = chunk or whole(text)
    program = program_from_rewrite(text, chunk, rewrite, replacements)
    assert validated(text, chunk, program).refused == ()
    return execute_chunks(text, [(chunk, program, None)], RAILS).text


def test_lines_and_spans_that_the_rewrite_lacks_go() -> None:
    assert cleaned(PAGE, CLEAN) == CLEAN


def test_the_program_is_written_in_the_calls_of_the_registry() -> None:
    assert render(program_from_rewrite(PAGE, whole(PAGE), CLEAN)).split("\n") == [
        "remove_lines(line_start=0, line_end=1)",
        "remove_lines(line_start=4, line_end=4)",
        "remove_lines(line_start=8, line_end=9)",
        'normalize(source_str="[edit] ", target_str="")',
    ]


@pytest.mark.parametrize(
    "rewrite",
    [
        CLEAN.replace("\n", " "),
        "- " + CLEAN.replace("\n", "\n- "),
        CLEAN.replace("boats", "**boats**").replace(".", " ."),
        "```markdown\n" + CLEAN + "\n```",
        CLEAN.replace(" in ", "\nin "),
        CLEAN.upper().replace(" ", "\u00a0"),
    ],
    ids=["joined", "list", "bold", "fenced", "split", "case_and_spaces"],
)
def test_the_form_of_the_rewrite_does_not_count(rewrite: str) -> None:
    kept = set(cleaned(PAGE, rewrite).split("\n")) - {""}
    assert kept - {"The river museum"} == set(CLEAN.split("\n")) - {""}


def test_what_is_kept_in_other_words_stays() -> None:
    rewrite = """This museum about rivers shows how people once built boats in that valley.
Opened during 1987, it was made larger two times since then.
A dugout made of oak, which farmers found, is the collection's oldest boat.
In summer guests may row a replica."""
    kept = cleaned(PAGE, rewrite)
    for line in CLEAN.split("\n"):
        assert line.replace("built in", "built [edit] in") in kept
    assert "Tweet" not in kept
    assert "©" not in kept


def test_a_short_span_goes_though_other_lines_are_reworded() -> None:
    text = "The museum [edit] opened in 1987.\nIt shows many boats from all over the valley today."
    rewrite = "The museum opened in 1987.\nA lot of boats of this region are on display."
    assert cleaned(text, rewrite) == text.replace(" [edit]", "")


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_an_empty_rewrite_removes_everything(end: str) -> None:
    text = "Home\n\nLogin" + end
    assert cleaned(text, "").strip() == ""
    assert cleaned(f"The river rose.\n{text}", "The river rose.").startswith("The river rose.")
    assert "Login" not in cleaned(f"The river rose.\n{text}", "The river rose.")


def test_blank_lines_stay_as_many_as_the_rewrite_has() -> None:
    text = "The river rose.\n\nShare\n\nIt fell again.\n"
    assert cleaned(text, "The river rose.\n\nIt fell again.") == "The river rose.\n\nIt fell again.\n"
    assert cleaned(text, "The river rose.\nIt fell again.") == "The river rose.\nIt fell again.\n"


def test_a_shortened_line_stays_whole() -> None:
    text = "Menu\nThe old boat, which farmers found in a very wet meadow, is now shown in a dark hall.\nMenu"
    assert cleaned(text, "The boat, found in a meadow, is shown.") == text.split("\n")[1]


def test_a_moved_line_stays() -> None:
    lines = [
        "Alpha beta gamma delta epsilon.",
        "One two three four five six.",
        "Red green blue yellow white.",
    ]
    assert cleaned("\n".join([*lines, "Menu"]), "\n".join([lines[2], lines[0], lines[1]])) == "\n".join(lines)


@pytest.mark.parametrize(
    ("noise", "content", "footer"),
    [
        ("首页 登录 注册", "人工智能是计算机科学的一个分支,它研究智能。\n机器学习是它的一部分。", "版权所有"),
        ("ホーム ログイン", "富士山は日本で一番高い山です。夏に多くの人が登ります。", "お問い合わせ"),
        ("หน้าแรก สมัครสมาชิก", "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "ติดต่อเรา"),
        ("Главная Войти", "Река течёт через весь город и впадает в море.", "Все права защищены"),
        ("होम लॉगिन", "हिन्दी भारत की एक प्रमुख भाषा है।", "संपर्क करें"),
    ],
    ids=["zh", "ja", "th", "ru", "hi"],
)
def test_other_scripts(noise: str, content: str, footer: str) -> None:
    text = f"{noise}\n{content}\n{footer}"
    assert cleaned(text, content) == content
    assert cleaned(text, content.replace("\n", "").replace("。", "。 ")) == content


def test_a_span_that_stands_elsewhere_too_takes_its_neighbours_along() -> None:
    text = "See more on boats in the hall.\nThe hall shows more on boats see more than all."
    rewrite = "See more on boats in the hall.\nThe hall shows more on boats than all."
    program = program_from_rewrite(text, whole(text), rewrite)
    assert cleaned(text, rewrite) == rewrite
    (call,) = program.calls
    assert text.count(str(call.arguments[0])) == 1


def test_a_change_that_would_hit_other_text_is_left() -> None:
    text = "more boats more\nmore boats more"
    found = aligned_program(text, whole(text), "more boats more\nmore boats")
    assert len(found.left) == 1
    assert render(found.program) == KEEP_CHUNK


def test_replacements_only_where_allowed() -> None:
    text, rewrite = (
        "Teh boat is old.\nMenu\nFarmers foundit in a field.",
        "The boat is old.\nFarmers found it in a field.",
    )
    assert cleaned(text, rewrite) == "Teh boat is old.\nFarmers foundit in a field."
    assert cleaned(text, rewrite, replacements=True) == rewrite


def test_a_chunk_inside_a_document_keeps_the_documents_numbers() -> None:
    chunks = chunk_lines(PAGE, range(len(PAGE)), 130)
    assert len(chunks) > 3
    programs = [
        (
            chunk,
            program_from_rewrite(
                PAGE,
                chunk,
                "\n".join(line for line in PAGE[chunk.start : chunk.stop].split("\n") if line in CLEAN),
            ),
            None,
        )
        for chunk in chunks
    ]
    assert execute_chunks(PAGE, programs, RAILS).text == "\n".join(CLEAN.split("\n")[1:])


def test_a_piece_of_a_long_line() -> None:
    text = "One two three. Four five six. Seven eight nine."
    piece = Chunk(1, 0, 1, 15, 30)
    assert cleaned(text, "", piece) == "One two three. Seven eight nine."
    assert cleaned(text, "Four six.", piece) == "One two three. Four six. Seven eight nine."


@given(any_text, any_text, st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_rewrite_gives_a_program_whose_calls_all_act(text: str, rewrite: str, replacements: bool) -> None:
    chunk = whole(text)
    program = program_from_rewrite(text, chunk, rewrite, replacements)
    assert program.refusals == ()
    edits = execute_chunks(text, [(chunk, program, None)], RAILS).edits
    if not replacements:
        assert all(edit.replacement == "" for edit in applied(edits))
    assert validated(text, chunk, program).refused == ()


@given(any_text, st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_the_same_text_keeps_the_chunk(text: str, size: int) -> None:
    for chunk in chunk_lines(text, range(len(text)), size):
        program = program_from_rewrite(text, chunk, text[chunk.start : chunk.stop])
        assert render(program) == KEEP_CHUNK


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=12), st.data())
@settings(max_examples=200, deadline=None)
def test_deleted_lines_are_found_again(numbers: list[tuple[int, int]], data: st.DataObject) -> None:
    """Lines may recur, and begin alike; a line that is the beginning of another would be ambiguous."""
    lines = [
        " ".join(["The", *(f"w{line}{word}" for word in range(size)), f"end{line}{size}"])
        for line, size in numbers
    ]
    kept = [line for line in lines if data.draw(st.booleans())]
    assert cleaned("\n".join(lines), "\n".join(kept)) == "\n".join(kept)


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_deleted_spans_are_found_again(seed: int) -> None:
    """Each word occurs once: of one that recurs, no call may be able to name a single place."""
    random_ = random.Random(seed)
    words = iter(random_.sample(range(5000), 240))
    lines = [[f"w{next(words)}" for _ in range(random_.randint(8, 30))] for _ in range(8)]
    text = "\n".join(" ".join(line) for line in lines)
    for line in lines:
        if random_.random() < 0.6:
            start = random_.randrange(len(line) - 4)
            del line[start : start + random_.randint(1, 4)]
    rewrite = "\n".join(" ".join(line) for line in lines)
    assert cleaned(text, rewrite).split() == rewrite.split()
    assert [line.split() for line in cleaned(text, rewrite).split("\n")] == lines


def test_no_word_is_given_up_for_fewer_runs() -> None:
    text = (
        "w0 w0\nw0 w2 w2. w1. w1 w1 w0 w2 w1\nw2 w2 w0 w0\nw0 w2 w2 w2 w2 w1. w0. w1. w1. w2. w2\nw1 w1 "
        "w0 w2 w1. w1 w0. w0\nw2. w0. w0. w0 w1. w1 w2\nw0 w1 w0 w1 w2\n"
        "w1 w1 w2. w1 w1. w0 w2 w0. w1 w1 w2 w1 w2. w0 "
    )
    rewrite = (
        "w0\nw2 w2. w1 w2 w2 w0 w0\nw2 w2 w2 w0. w2. w1 w0 w1 w2. w1. w1 w0 w0 w2\nw1 w2. w1 w0 w1 w1 w2. "
    )
    left = iter(re.findall(r"\w+", cleaned(text, rewrite)))
    assert all(word in left for word in re.findall(r"\w+", rewrite))


@example(26333232, 3, 0.5)  # a string hit inside a change that no call could make, and joined two words
@given(st.integers(0, 2**32), st.sampled_from([3, 20, 300, 3000]), st.floats(0.05, 0.6))
@settings(max_examples=150, deadline=None)
def test_nothing_is_removed_that_the_rewrite_has(seed: int, vocabulary: int, share: float) -> None:
    """A rewrite made by deleting words here and there, however often words recur."""
    random_ = random.Random(seed)
    words = [f"w{random_.randrange(vocabulary)}" for _ in range(random_.randint(1, 120))]
    text = "".join(word + random_.choice([" ", " ", " ", "\n", ". "]) for word in words)
    rewrite = "".join(part for part in re.split(r"(?<=\s)", text) if random_.random() > share)
    left = iter(re.findall(r"\w+", cleaned(text, rewrite)))
    assert all(word in left for word in re.findall(r"\w+", rewrite))


def texts_of_50_000_characters() -> dict[str, tuple[str, str]]:
    random_ = random.Random(0)
    words = ["".join(random_.choices("abcdefghij", k=random_.randint(2, 8))) for _ in range(2000)]
    lines = [" ".join(random_.choices(words, k=12)) for _ in range(750)]
    chinese = "".join(chr(random_.randrange(0x4E00, 0x5200)) for _ in range(50_000))
    return {
        "a third of the lines": ("\n".join(lines), "\n".join(lines[::3])),
        "nonsense": ("\n".join(lines), " ".join(reversed(words * 5))),
        "shuffled": ("\n".join(lines), "\n".join(random_.sample(lines, len(lines)))),
        "one word": ("a " * 25_000, "a " * 12_000),
        "two words": ("a b\n" * 12_500, "b a\n" * 12_000),
        "chinese": (chinese, chinese[:20_000] + chinese[30_000:]),
        "chinese nonsense": (chinese, chinese[::-1]),
        "marks": ("|-|\n" * 12_500, "|\n" * 9_000),
    }


@pytest.mark.parametrize("name", sorted(texts_of_50_000_characters()))
def test_a_chunk_of_50_000_characters_takes_seconds_at_most(name: str) -> None:
    text, rewrite = texts_of_50_000_characters()[name]
    # 0.2 to 1.5 on a slow core; what is quadratic in the text takes minutes.
    assert any(processor_seconds(text, rewrite) < 3.0 for _ in range(3))


def processor_seconds(text: str, rewrite: str) -> float:
    started = time.process_time()
    program_from_rewrite(text, whole(text), rewrite)
    return time.process_time() - started
