"""A document before and after, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prox_assets.quality.report.diff import Mark, Segment, StoredEdit, removed_marks
from prox_assets.terminal import new_table

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text


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
