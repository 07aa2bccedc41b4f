"""Hostile programs and documents: no exception, no hang, memory in proportion to the input."""

import json
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.chunking import chunk_lines, encodable, line_spans, numbered, token_starts, whole
from prox_assets.programs import Program, Rails, Stage, execute_chunks, parse, removing
from prox_assets_tests.programs.generated import programs
from prox_assets_tests.programs.laws import NO_RAILS, check_chunking, check_execution, check_program

PIECES = st.sampled_from(
    [
        *("remove_lines", "normalize", "keep_chunk", "remove_str", "add_line", "drop_doc", "foo", "all=True"),
        *(
            "line_start=",
            "source_str=",
            "=",
            "(",
            ")",
            ",",
            " ",
            "\n",
            "\t",
            ";",
            "#",
            "```",
            "~~~\n",
            "```python\n",
        ),
        *(
            '"',
            "'",
            '"""',
            "'''",
            "\\",
            "\\n",
            "\\x",
            "\\N{",
            "\\u12",
            "\\ud83d",
            "\\uDE00",
            "\\U0000d83d",
            "r'",
            "f'",
            "b'",
            "-",
            "1",
            "9" * 30,
            "0.5",
        ),
        *("a", "ab", "Home", "é", "\u0301", "中", "\u202e", "\ud800", "\U0001f600", "\x00", "\u2028", "\r"),
    ]
)
sources = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))
documents = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("ab \n.é\u0301中。\ud800\u202e"), max_size=80),
    st.lists(PIECES, max_size=25).map("".join),
)
rails = st.sampled_from(
    [Rails(), Rails(max_matches=1, min_kept_chars=3), Rails(max_calls=1, max_removed_share=0.3)]
)


@given(documents, sources)
@settings(max_examples=300)
def test_any_text_is_a_program_for_any_document(text: str, source: str) -> None:
    check_program(text, source)


@given(documents, sources, rails)
def test_the_laws_hold_under_any_rails(text: str, source: str, limits: Rails) -> None:
    check_program(text, source, limits)


@st.composite
def replacing(draw: st.DrawFn) -> tuple[str, str]:
    """A document, and a program that replaces words of it."""
    words = draw(
        st.lists(st.sampled_from(["menu", "the", "a b", "\n", "本", "é", "!"]), min_size=1, max_size=9)
    )
    chosen = draw(st.lists(st.sampled_from(words), min_size=1, max_size=3))
    targets = draw(st.lists(st.sampled_from(["", "x", "menu items", "the"]), min_size=3, max_size=3))
    pairs = zip(chosen, targets, strict=False)
    return " ".join(words), "\n".join(
        f"normalize({json.dumps(one)}, {json.dumps(other)})" for one, other in pairs
    )


@given(replacing(), rails)
@settings(max_examples=300)
def test_replacements_under_any_rails(case: tuple[str, str], limits: Rails) -> None:
    check_program(*case, limits)


HALVES = st.sampled_from(
    [r"\ud83d", r"\ude00", r"\uD83D\uDE00", r"\U0000d83d", "\ud83d", "\ude00", "x", r"\\", r"\n", "' '"]
)


@given(st.lists(HALVES, max_size=4).map("".join), st.sampled_from(["'{}'", '"{}"', "'''{}'''"]))
def test_an_executed_text_encodes_whatever_halves_of_surrogate_pairs_its_program_has(
    target: str, quotes: str
) -> None:
    program = parse(f"normalize('a', {quotes.format(target)})", Stage.CHUNK)
    executed = execute_chunks("a b", [(whole("a b"), program, None)], NO_RAILS).text
    assert executed.encode()
    assert bool(program.calls) is not bool(program.refusals)


@given(documents, programs(range(8)))
@settings(max_examples=300)
def test_programs_that_fit_keep_the_laws(text: str, program: Program) -> None:
    check_execution(text, program)


@given(documents, st.lists(st.integers(0, 90)), st.integers(1, 9), st.integers(0, 5))
@settings(max_examples=300)
def test_any_document_is_chunked(text: str, starts: list[int], window: int, overlap: int) -> None:
    inside = sorted(start for start in starts if start < len(text))
    check_chunking(text, inside, window, min(overlap, window - 1))


MEGABYTE = 1_000_000
FLOODS = [
    *("(", ")", '"', "'", "\\", "#", "a", " ", "9", "=", ",", "\n", "`", "_", "é", "\ud800"),
    *(
        "remove_lines(",
        'normalize("',
        "normalize('",
        'normalize("""',
        "normalize('''",
        "f(",
        "f(1)\n",
        "f((1)\n",
    ),
    *(
        "remove_lines(0,\n",
        "remove_lines(0, 3)\n",
        "remove_lines(1\n,",
        "normalize('a' 'b' ",
        "normalize(\n",
        "a(",
    ),
    *(
        "```\n",
        "~~~\nremove_lines(0, 3)\n",
        '"""\nnormalize("""',
        "normalize('\\",
        "normalize('''\\'",
        "x=\n",
        "r'",
    ),
    *("normalize('a', #\n", "keep_chunk()", "remove_lines(all=False,", "\t\r\n", "remove_lines (  ", "\\N{"),
]


@pytest.mark.parametrize("flood", FLOODS, ids=repr)
def test_reading_takes_linear_time(flood: str) -> None:
    """A quarter of a megabyte of anything within seconds, where quadratic time would take hours."""
    began = time.process_time()
    parse(flood * (MEGABYTE // 4 // len(flood)), Stage.CHUNK)
    assert time.process_time() - began < 4


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a" * MEGABYTE, 'normalize("a")'),
        ("a" * MEGABYTE, 'normalize("aa")'),
        ("ab" * (MEGABYTE // 2), 'normalize("ba")'),
        ("a " * (MEGABYTE // 10), 'normalize("a")'),
        ("-" * (MEGABYTE // 10), 'normalize("-")'),
        ("\n" * MEGABYTE, 'normalize("\\n\\n x")\nremove_lines(0, 1000000)'),
        ("x\n" * (MEGABYTE // 2), "\n".join(f"remove_lines({i}, {i})" for i in range(0, 4000, 2))),
        ("x\n" * (MEGABYTE // 2), "\n".join(f"remove_lines({i}, {i + 9000})" for i in range(0, 4000, 2))),
    ],
)
def test_executing_takes_linear_time(text: str, source: str) -> None:
    program = parse(source, Stage.CHUNK)
    began = time.process_time()
    execute_chunks(
        text, [(whole(text), program, None)], Rails(max_calls=10**6, max_matches=10**6, min_kept_chars=0)
    )
    assert time.process_time() - began < 8


def peak(run: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_range_of_thirty_million_lines_costs_nothing() -> None:
    text = "a\nb\nc"

    def run() -> None:
        program = parse("remove_lines(0, 30000000)\nremove_lines(0, 999999999999999999)", Stage.CHUNK)
        assert execute_chunks(text, [(whole(text), program, None)]).text == text

    assert peak(run) < 100_000


def test_a_million_empty_lines() -> None:
    text = "\n" * MEGABYTE
    chunks = chunk_lines(text, range(MEGABYTE), 1500)
    assert sum(chunk.stop - chunk.start for chunk in chunks) == MEGABYTE
    assert chunks[-1].line_stop == MEGABYTE + 1
    program = removing(range(10, MEGABYTE - 10))
    rails = Rails(max_removed_share=1, min_kept_chars=0)
    execution = execute_chunks(text, [(whole(text), program, None)], rails)
    assert execution.text == "\n" * 20
    assert len(line_spans(text)) == MEGABYTE + 1
    assert (
        peak(lambda: execute_chunks(text, [(whole(text), parse("remove_lines(7, 7)", Stage.CHUNK), None)]))
        < 8e6
    )


@pytest.mark.parametrize("kind", ["word ", "x", "。", "....", "! "])
def test_a_line_of_five_megabytes(kind: str) -> None:
    check_long_line(kind, 5 * MEGABYTE)


@pytest.mark.slow
def test_a_line_of_fifty_megabytes() -> None:
    check_long_line("word. ", 50 * MEGABYTE)
    check_long_line("x", 50 * MEGABYTE)


def check_long_line(kind: str, size: int) -> None:
    text = kind * (size // len(kind))
    starts = range(0, len(text), 4)
    chunks = chunk_lines(text, starts, 1500)
    assert max(chunk.stop - chunk.start for chunk in chunks) <= 6000
    assert len(chunks) < 3 * size // 6000
    assert "".join(text[chunk.start : chunk.stop] for chunk in chunks) == text
    program = parse('remove_lines(0, 0)\nnormalize("nowhere")\nnormalize("word")', Stage.CHUNK)
    programs = [(chunk, program, None) for chunk in chunks[:50]]
    assert peak(lambda: execute_chunks(text, programs)) < 4 * len(text)


def test_lone_surrogates_are_counted_and_kept() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        ["the text"], trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet)
    )
    texts = ["a \ud800 text\n中 \U0001f600 line\n\udfff", "", "plain"]
    assert len(encodable(texts[0])) == len(texts[0])
    for text, starts in zip(texts, token_starts(tokenizer, texts), strict=True):
        assert {0, *starts} <= set(range(len(text) + 1))
        chunks = chunk_lines(text, starts, 5)
        assert "".join(text[c.start : c.stop] for c in chunks) == text
        assert all(numbered(text, chunk) for chunk in chunks)
