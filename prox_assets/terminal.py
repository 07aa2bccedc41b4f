"""The terminal of all commands: text as it is, tables that keep every figure, bars where somebody watches.

A table is as wide as its cells need, in a pipe and on a narrow terminal, which goes on in the next line.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress
    from rich.table import Table

_WIDEST = 10_000  # columns: more than any table needs


def open_console(*, stderr: bool = False) -> Console:
    """Open a console that prints texts as they are: no markup, no emoji codes, no line breaks of its own."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)


def new_table(*headers: str, title: str | None = None) -> Table:
    """Make an empty table; print it with `show`."""
    from rich.table import Table

    table = Table(*headers, title=title, title_justify="left")
    for column in table.columns:
        column.no_wrap = True
    return table


def show(console: Console, *parts: RenderableType) -> None:
    """Print parts one below the other; a table among them is as wide as its cells need."""
    from rich.console import Group
    from rich.table import Table

    for part in parts:
        if isinstance(part, Group):
            show(console, *part.renderables)
            continue
        if isinstance(part, Table):
            part.width = console.measure(part, options=console.options.update(width=_WIDEST)).maximum
        console.print(part, soft_wrap=False, crop=False)


def progress_bars() -> Progress:
    """Make progress bars on stderr, which stay silent where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = open_console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def quiet_libraries() -> None:
    """Keep bars and advice of the model libraries off the terminal, in this process and those it starts.

    Call it before they are imported. What the environment sets stays.
    """
    for name, value in (
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1"),
        ("TRANSFORMERS_VERBOSITY", "error"),
    ):
        os.environ.setdefault(name, value)
