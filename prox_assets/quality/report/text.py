"""Text for people: figures in words, documents inside Markdown, and documents in the terminal.

The dataset card and the Dagster UI render Markdown (CommonMark with GitHub's tables and autolinks).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prox_assets.quality.report.diff import Mark, Segment, StoredEdit, removed_marks
from prox_assets.terminal import new_table

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text


NOTHING = "–"
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def thousands(value: float | None) -> str:
    """A whole number with separators."""
    return NOTHING if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A share, to a tenth of a percent."""
    return NOTHING if value is None else f"{100 * value:.1f}%"


def share(part: float, whole: float) -> str:
    """A part of a whole, as a percentage; of nothing, a dash."""
    return percent(part / whole) if whole else NOTHING


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, the largest two."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def figure(value: Any) -> str:
    """A measured value: whole numbers whole, others to four places."""
    if value is None:
        return "off"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def scientific(value: float) -> str:
    """A large number by its power of ten."""
    if not value:
        return NOTHING
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}·10{_superscript(int(exponent))}"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def words(name: str) -> str:
    """A name of the data as words."""
    return name.replace("_", " ")


def printable(text: str) -> str:
    """A document's text without control characters that a page cannot hold."""
    return _CONTROLS.sub("\ufffd", text)


FILTERS: dict[str, Callable[..., str]] = {
    "thousands": thousands,
    "percent": percent,
    "share": share,
    "duration": duration,
    "figure": figure,
    "scientific": scientific,
    "words": words,
    "printable": printable,
}


_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_PUNCTUATION = re.compile(r"[\\`*_{}\[\]()#+!|<>~&$@:^=]|(?<!\w)-")
_DOT_IN_NAME = re.compile(r"(?<=[^\W\d_])\.(?=\w)")
_LIST_NUMBER = re.compile(r"^(\d+)([.)])(?=\s|$)")
_RUN_OF_TILDES = re.compile(r"~+")


def inline(text: str) -> str:
    """Text in one line, with every character that could be markup escaped; also for cells of tables."""
    flat = _CONTROL.sub("\ufffd", " ".join(text.split()))
    escaped = _PUNCTUATION.sub(lambda match: "\\" + match[0], flat)
    return _LIST_NUMBER.sub(r"\1\\\2", _DOT_IN_NAME.sub(r"\\.", escaped))


def code(text: str, limit: int) -> str:
    """At most `limit` characters of a text in one line as a code span, also for cells of tables.

    Backticks and bars, which no escape keeps inside such a cell, become `'` and `¦`.
    """
    flat = _CONTROL.sub("\ufffd", " ".join(text.split())).replace("|", "¦").replace("`", "'")
    return f"`{flat[:limit]}{'…' if len(flat) > limit else ''}`" if flat else ""


def block(lines: Iterable[str]) -> str:
    """Lines as a fenced block that none of them can end; characters that end a line become a space."""
    shown = [_CONTROL.sub("\ufffd", _LINE_END.sub(" ", line)) for line in lines]
    longest = max((len(run) for line in shown for run in _RUN_OF_TILDES.findall(line)), default=0)
    fence = "~" * max(3, longest + 1)
    return "\n".join([fence, *shown, fence])


_STYLES = {Mark.KEPT: "", Mark.REMOVED: "red strike", Mark.INSERTED: "green", Mark.GAP: "dim"}


def show_document(raw: Mapping[str, Any], refined: Mapping[str, Any]) -> Group:
    """Show a row of raw_documents and its row of chunk_refined_corpus.

    Removed text is struck through in red, inserted text green; then the calls with outcomes and scores, then
    the text as it is now. Control characters of the document are shown, never sent to the terminal.
    """
    from rich.console import Group
    from rich.panel import Panel

    edits = [StoredEdit.of(edit) for edit in refined["edits"]]
    parts: list[RenderableType] = [
        _heading(raw, refined),
        Panel(_marked(removed_marks(raw["text"], edits)), title="before", title_align="left"),
    ]
    if edits:
        parts.append(_calls(edits, raw["text"]))
    if refined["status"] == "kept":
        parts.append(Panel(_plain(refined["text"]), title="after", title_align="left"))
    return Group(*parts)


def _heading(raw: Mapping[str, Any], refined: Mapping[str, Any]) -> Text:
    from rich.text import Text

    heading = Text.assemble((_printable(raw["doc_id"]), "bold"), "  ", _outcome(refined))
    known = [
        f"{name} {_printable(str(raw[name]))}" for name in ("source", "language", "url") if raw.get(name)
    ]
    if known:
        heading.append("\n" + " · ".join(known), "dim")
    heading.append(
        f"\n{refined['n_tokens_in']:,} tokens entered the chunk stage, {refined['n_tokens_out']:,} are left"
    )
    return heading


def _outcome(refined: Mapping[str, Any]) -> Text:
    from rich.text import Text

    colour = "green" if refined["status"] == "kept" else "red"
    return Text(
        f"{refined['status']} ({refined['reason']})" if refined["reason"] else refined["status"], colour
    )


def _marked(segments: Sequence[Segment]) -> Text:
    from rich.text import Text

    return Text.assemble(*((_printable(segment.text), _STYLES[segment.mark]) for segment in segments))


def _plain(text: str) -> Text:
    from rich.text import Text

    return Text(_printable(text))


def _calls(edits: Sequence[StoredEdit], text: str) -> Table:
    table = new_table("call", "outcome", "score", "tokens", "characters", "text", title="calls")
    for edit in edits:
        score = "" if edit.score is None else f"{edit.score:.3f}"
        tokens = f"{edit.n_tokens:,}" if edit.outcome == "applied" else ""
        span = f"{edit.start}–{edit.stop}"
        table.add_row(
            edit.call, edit.outcome, score, tokens, span, _plain(_excerpt(text[edit.start : edit.stop], edit))
        )
    return table


def _excerpt(removed: str, edit: StoredEdit, length: int = 48) -> str:
    shown = removed.replace("\n", "⏎")
    shown = shown if len(shown) <= length else f"{shown[: length - 1]}…"
    return f"{shown} → {edit.replacement}" if edit.replacement else shown


_TURNS_TEXT = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _printable(text: str) -> str:
    """Replace control characters other than line feed and tab by their pictures: no escape gets through."""
    return "".join(
        character
        if character in "\n\t"
        or not (ord(character) < 32 or 127 <= ord(character) < 160 or character in _TURNS_TEXT)
        else chr(0x2400 + ord(character))
        if ord(character) < 32
        else "\ufffd"
        for character in text
    )
