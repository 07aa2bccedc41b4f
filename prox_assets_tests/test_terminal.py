"""Tables and bars of all commands: no figure is cut, wherever they are printed."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from prox_assets import terminal
from prox_assets.quality.report.text import show_document
from prox_assets.terminal import new_table, open_console, progress_bars, show

PACKAGE = Path(terminal.__file__).parent
COUNTS = (1_234_567_890, 1_234_567_801, 987_654_321, 987_000_001, 555_555_555_555, 444_444_444_444, 3_333_333)


def _console(width: int, *, is_terminal: bool) -> Console:
    console = open_console()
    console.file = io.StringIO()
    console._force_terminal = is_terminal
    console.width = width
    return console


def _printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("width", [10, 80, 400])
def test_a_table_keeps_every_figure_on_its_line(width: int, is_terminal: bool) -> None:
    console = _console(width, is_terminal=is_terminal)
    name = "a-shard-with-[brackets]-:smile:-" + "x" * 90
    table = new_table(
        "shard", "documents", "accepted", "after doc", "kept", "tokens", "after doc", "keep ratio"
    )
    table.add_row(name, *(f"{count:,}" for count in COUNTS))
    show(console, table)
    printed = _printed(console)
    assert "…" not in printed
    (line,) = (line for line in printed.splitlines() if name in line)
    figures = re.findall(r"\d[\d,]+(?=\s)", line)
    assert [int(figure.replace(",", "")) for figure in figures] == list(COUNTS)
    for header in ("documents", "accepted", "keep ratio"):
        assert header in printed


def test_the_calls_of_a_document_are_whole() -> None:
    edit = {
        "chunk": 0,
        "call": "remove_lines_of_a_long_name",
        "outcome": "applied",
        "start": 0,
        "stop": 10_000,
        "replacement": "",
        "score": 0.123,
        "n_tokens": 123_456_789,
    }
    raw = {"doc_id": "a", "text": "x" * 10_001, "source": "", "language": "", "url": ""}
    refined = {**raw, "status": "kept", "reason": "", "n_tokens_in": 1, "n_tokens_out": 1, "edits": [edit]}
    console = _console(40, is_terminal=False)
    show(console, show_document(raw, refined))
    printed = _printed(console)
    for figure in ("0.123", "123,456,789", "0–10000", "remove_lines_of_a_long_name"):
        assert figure in printed


def test_a_text_is_printed_as_it_is() -> None:
    console = _console(20, is_terminal=False)
    text = "[red]a name[/red] :smile: " + "word " * 30 + "end"
    console.print(text)
    assert _printed(console) == text + "\n"


def test_bars_are_silent_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as bars:
        bars.update(bars.add_task("reading", total=3), completed=2)
    assert capfd.readouterr() == ("", "")


def test_all_commands_use_this_console() -> None:
    made = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        own = path == PACKAGE / "terminal.py" or "from rich" not in text
        if not own and re.search(r"\b(Console|Progress)\(|(?<!pa\.)\bTable\(", text):
            made.append(path.relative_to(PACKAGE).as_posix())
    assert made == []
