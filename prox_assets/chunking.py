"""Lines to chunks and back: windows of whole lines, counted in tokens, that concatenate to the document."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from unicodedata import combining

from prox_assets.errors import ProxError
from prox_assets.languages import SENTENCE_BREAK

_MOST_MARKS = 30  # behind one letter in the Stream-Safe Text Format of Unicode (UAX 15)
_SPACE = re.compile(r"\s++")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A window of whole lines, or a piece of one over-long line.

    `line_start` and `line_stop` (exclusive) are line numbers of the document; `start` and `stop` are
    characters of it, a line's newline included. This is what the chunk owns: the lines its program may
    edit. With overlap, the `context_lines` before it (`context_chars` characters) are shown with it but
    belong to the chunk before.
    """

    index: int
    line_start: int
    line_stop: int
    start: int
    stop: int
    context_lines: int = 0
    context_chars: int = 0


def line_spans(text: str) -> list[tuple[int, int]]:
    """Give each line's [start, stop) in characters, its newline left out; a text has one line at least."""
    spans, start = [], 0
    for line in text.split("\n"):
        spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans


class BatchTokenizer(Protocol):
    """What is used of a Hugging Face fast tokenizer's backend (`tokenizers.Tokenizer`)."""

    def encode_batch(self, input: list[Any], add_special_tokens: bool) -> Sequence[Any]:
        """Encode texts; each encoding has `offsets`, (start, stop) in characters for every token."""
        ...


def token_starts(tokenizer: BatchTokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Find where the tokens of each text begin, sorted, with one tokenizer call for all texts.

    Lone surrogates, which no tokenizer takes, are counted as replacement characters.
    """
    encodings = tokenizer.encode_batch([encodable(text) for text in texts], add_special_tokens=False)
    return [sorted([start for start, _ in encoding.offsets]) for encoding in encodings]


def encodable(text: str) -> str:
    """Put U+FFFD for every lone surrogate, so that a text has an encoding and keeps its offsets."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def whole(text: str) -> Chunk:
    """Take the whole document for one chunk."""
    return Chunk(0, 0, text.count("\n") + 1, 0, len(text))


def shown_lines(text: str, chunk: Chunk) -> list[tuple[int, str]]:
    """List the lines a chunk shows, context first, with their numbers in the document."""
    first = chunk.line_start - chunk.context_lines
    lines = text[chunk.start - chunk.context_chars : chunk.stop].split("\n")
    return list(zip(range(first, chunk.line_stop), lines, strict=False))


def numbered(text: str, chunk: Chunk, first: int | None = None) -> str:
    """Write a chunk's lines as ProX shows them to a model: `[000]text`, at least three digits.

    Numbers are the document's; `first` counts from another number instead (0 keeps labels short in long
    documents, and the program is then moved back with `programs.shifted`).
    """
    move = 0 if first is None else first - (chunk.line_start - chunk.context_lines)
    return "\n".join(f"[{number + move:03d}]{line}" for number, line in shown_lines(text, chunk))


def chunk_lines(text: str, token_starts: Sequence[int], window: int, overlap: int = 0) -> list[Chunk]:
    """Pack whole lines greedily into windows of at most `window` tokens.

    `token_starts` are the sorted character starts of all tokens of the document, from one tokenizer call;
    a token counts where its first character lies. Up to `overlap` tokens of the lines before are shown
    with a chunk. A line over the window is cut at sentence ends, else at spaces, else between tokens;
    its pieces are chunks with `line_stop == line_start + 1` (the last also owns an empty last line).

    Raises ProxError for a window under 1 or an overlap that leaves no room.
    """
    if window < 1 or not 0 <= overlap < window:
        raise ProxError(f"chunking: window {window} with overlap {overlap}; use 0 <= overlap < window")
    return list(_chunks(text, token_starts, window, overlap)) if text else []


def _chunks(text: str, tokens: Sequence[int], window: int, overlap: int) -> Iterator[Chunk]:
    index = line = start = 0
    size = len(text)
    while start < size:
        lead = _context(text, tokens, start, window, overlap) if overlap else start
        limit = _limit(tokens, lead, window, size)
        stop = size if limit >= size else text.rfind("\n", start, limit) + 1
        if stop <= start:
            for stop in _cuts(text, tokens, start, window):
                empty_last_line = stop == size and text[-1] == "\n"
                yield Chunk(index, line, line + 1 + empty_last_line, start, stop)
                index, start = index + 1, stop
            line += 1
            continue
        ends = line + text.count("\n", start, stop)
        lines = text.count("\n", lead, start)
        yield Chunk(index, line, ends + (stop == size), start, stop, lines, start - lead)
        index, line, start = index + 1, ends, stop


def _limit(tokens: Sequence[int], start: int, window: int, size: int) -> int:
    """Where the first token that no longer fits begins, for a window that starts at `start`."""
    beyond = bisect_left(tokens, start) + window
    return tokens[beyond] if beyond < len(tokens) else size


def _context(text: str, tokens: Sequence[int], start: int, window: int, overlap: int) -> int:
    """Where the context of a chunk begins: whole lines, leaving room for the first line it owns."""
    at = bisect_left(tokens, start)
    end = text.find("\n", start) + 1 or len(text)
    room = min(overlap, window - (bisect_left(tokens, end) - at), at)
    if room <= 0:
        return start
    earliest = tokens[at - room]
    fits = at == room or tokens[at - room - 1] < earliest
    if fits and (earliest == 0 or text[earliest - 1] == "\n"):
        return earliest
    return text.find("\n", earliest, start) + 1 or start


def _cuts(text: str, tokens: Sequence[int], start: int, window: int) -> Iterator[int]:
    """Where an over-long line is cut; the last is the line's end, after its newline."""
    end = text.find("\n", start) + 1 or len(text)
    while (limit := _limit(tokens, start, window, end)) < end:
        start = _cut(text, start, max(limit, start + 1))
        yield start
    if start < end:
        yield end


def _cut(text: str, start: int, limit: int) -> int:
    for pattern in (SENTENCE_BREAK, _SPACE):
        last = None
        for last in pattern.finditer(text, start + 1, limit):  # noqa: B007
            pass
        if last is not None:
            return last.end()
    return _before_base(text, limit, min(_MOST_MARKS, (limit - start) // 2))


def _before_base(text: str, limit: int, most: int) -> int:
    """Find the last place up to `limit`, at most `most` back, that parts no mark from its letter.

    Where all of these are between marks, they are cut at the limit: so many belong to no letter.
    """
    for place in range(limit, limit - most - 1, -1):
        if place >= len(text) or not combining(text[place]):
            return place
    return limit
