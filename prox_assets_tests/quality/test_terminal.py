from rich.console import Console

from prox_assets.quality.report.text import show_document
from prox_assets_tests.quality.shards import PAGES, Cut, Page, tables


def shown(page: Page, colour: bool = False) -> str:
    stages = tables([page])
    raw, refined = (stages[name].to_pylist()[0] for name in ("raw_documents", "chunk_refined_corpus"))
    console = Console(
        width=100, force_terminal=colour, color_system="standard" if colour else None, file=None
    )
    with console.capture() as capture:
        console.print(show_document(raw, refined))
    return capture.get()


def test_shows_before_calls_and_after() -> None:
    text = shown(PAGES[0])
    before, after = text.split("after", 1)
    assert "Share on Facebook" in before and "Share on Facebook" not in after
    assert "The Nile is a river in Africa." in after
    assert "0.900" in before and "0.550" in before
    assert "18 tokens entered the chunk stage, 10 are left" in before


def test_removed_text_is_struck_through_in_red() -> None:
    assert "\x1b[9;31mShare on Facebook" in shown(PAGES[0], colour=True)


def test_a_dropped_document_has_no_after() -> None:
    text = shown(PAGES[1])
    assert "dropped (drop_doc)" in text and "cheap pills" in text and "after" not in text


def test_replacements_are_told() -> None:
    assert "Teh → The" in shown(PAGES[8])


def test_escape_codes_of_a_document_do_not_reach_the_terminal() -> None:
    page = Page("x\x1b[2J", "safe \x1b]0;owned\x07 \x9b31m text", cuts=(Cut("\x1b]0;owned\x07"),))
    text = shown(page)
    assert "\x1b" not in text and "\x07" not in text and "\x9b" not in text
    assert "␛" in text


def test_markup_in_a_document_is_text() -> None:
    assert "[red]not red[/red]" in shown(Page("m", "[red]not red[/red] [/bold]"))
