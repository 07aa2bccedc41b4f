"""Text inside Markdown stays text, whatever it holds; a parser of CommonMark is the judge."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from prox_assets.quality.report.text import block, code, inline

# CommonMark with the tables of GitHub.
MARKDOWN = MarkdownIt("commonmark").enable("table")
SIGNS = st.text(alphabet="a 1.)`~#*_|<>![]()\\&;-+=$@:/\n\r\x0b\x0c\x1c\x85\u2028\x00\x1b\u202e", max_size=40)
HOSTILE = (
    "![](https://evil.example/pixel.png)",
    "<img src=x onerror=alert(1)>",
    "a\r~~~\n# heading",
    "~~~~~~",
    "[text](javascript:alert(1))",
    "| a | b |",
    "`code` and &lt;",
    "1. list",
    "https://evil.example www.evil.example me@evil.example",
    "---",
    "\x1b[31mred",
)


def leaves(tokens: list[Token]) -> list[Token]:
    return [leaf for token in tokens for leaf in (token.children or [token])]


def texts_and_examples(test):  # type: ignore[no-untyped-def]
    for text in HOSTILE:
        test = example(text)(test)
    return given(SIGNS)(test)


def flat(text: str) -> str:
    """The text in one line as a reader sees it, with what cannot be shown left out."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable() and sign != "\ufffd")


@texts_and_examples
def test_inline_text_is_one_run_of_text(text: str) -> None:
    tokens = MARKDOWN.parse(f"before {inline(text)}\n")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {leaf.type for leaf in tokens[1].children or []} <= {"text", "text_special"}
    shown = "".join(leaf.content for leaf in tokens[1].children or [])
    assert flat(shown) == flat(f"before {text}")


@texts_and_examples
def test_inline_text_at_the_start_of_a_paragraph_is_text_too(text: str) -> None:
    types = {leaf.type for leaf in leaves(MARKDOWN.parse(inline(text)))}
    assert types <= {"paragraph_open", "paragraph_close", "text", "text_special"}


@texts_and_examples
def test_a_cell_stays_one_cell(text: str) -> None:
    for cell in (inline(text), code(text, 90)):
        tokens = MARKDOWN.parse(f"| a | b |\n|---|---|\n| {cell} | end |\n")
        cells = [token for token in tokens if token.type == "td_open"]
        assert len(cells) == 2 and tokens[-1].type == "table_close"
        assert not {"image", "link_open", "html_inline"} & {leaf.type for leaf in leaves(tokens)}


@given(st.lists(SIGNS | st.sampled_from(HOSTILE), max_size=5))
def test_a_block_is_one_fence_with_as_many_lines(lines: list[str]) -> None:
    tokens = MARKDOWN.parse(f"before\n\n{block(lines)}\n\nafter")
    assert [token.type for token in tokens if token.level == 0 and token.nesting >= 0] == [
        "paragraph_open",
        "fence",
        "paragraph_open",
    ]
    assert tokens[3].content.count("\n") == len(lines)


@pytest.mark.parametrize("text", HOSTILE)
def test_addresses_are_no_links_for_renderers_that_look_for_them(text: str) -> None:
    assert not any(sign in inline(text) for sign in ("https://", "www.evil", "me@evil"))
