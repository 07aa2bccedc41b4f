"""Text of documents inside Markdown, where it must stay text: no markup, images, links or HTML of its own.

The dataset card and the Dagster UI render Markdown (CommonMark with GitHub's tables and autolinks).
"""

import re
from collections.abc import Iterable

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
