"""The UltraX profile: what the code released with UltraX does with the text that its model writes.

For its refiners, and for comparing with corpora made by them. One call a line, lines numbered from 1,
arguments by position. The released code also numbers lines as `str.splitlines` does, makes one replacement of
several in a line, keeps a document whole whose program loops, and closes up blank lines in what it changed.
Behaviour of openbmb/UltraX at cb0c2fa; `benchmarks/ultrax_reference.py` compares the two. Unlike there, every
change is on record, so that it can be replayed and reverted.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate
from typing import NamedTuple

from prox_assets.programs.actions import ChunkWindow
from prox_assets.programs.edits import Edit, apply_edits
from prox_assets.programs.executor import Execution
from prox_assets.programs.profiles.ultrax_text import FIRST_LINE, KEEP_ALL, REMOVE_ALL
from prox_assets.programs.program import Call, Outcome, Program, Reason, Status

BLANK_LINES, NEWLINES = "blank_lines", "newlines"

_STEPS = 10_000  # sub-indices between two lines

# When a program is taken for a loop: more than so many equal calls.
_SAME_ADDED, _SAME_ADDED_PLACES, _SAME_REPLACED, _SAME_REMOVED, _ALIKE_ADDED = 2, 3, 30, 3, 3
_ALIKE, _LEGITIMATE_SHARE = 0.85, 0.8


class _Piece(NamedTuple):
    """Characters of the refined text: a stretch of the source, or new text by a call."""

    start: int
    stop: int
    new: str = ""
    call: str = ""
    position: int = -1

    def cut(self, start: int, stop: int) -> "_Piece":
        """Cut out the characters from `start` to `stop` of this piece."""
        if self.new:
            return self._replace(new=self.new[start:stop])
        return self._replace(start=self.start + start, stop=self.start + stop)

    def size(self) -> int:
        """Count its characters."""
        return len(self.new) or self.stop - self.start


_Cause = tuple[str, int]  # a call's name, and its place among all calls of the document


@dataclass
class _Line:
    """One line as the calls have made it: its text, and where that comes from."""

    text: str
    pieces: list[_Piece]

    def replace(self, old: str, new: str, call: str, position: int) -> None:
        """Put `new` in the place of the first `old`, changing no more characters than needed."""
        at = self.text.index(old)
        head = _shared(old, new)
        tail = _shared(old[head:][::-1], new[head:][::-1])
        start, stop, middle = at + head, at + len(old) - tail, new[head : len(new) - tail]
        added = [_Piece(0, 0, middle, call, position)] if middle else []
        self.pieces = [*_cut(self.pieces, 0, start), *added, *_cut(self.pieces, stop, len(self.text))]
        self.text = self.text[:start] + middle + self.text[stop:]

    def close(self, call: str, position: int) -> None:
        """End a line that has text and no newline."""
        if self.text and not self.text.endswith("\n"):
            self.text += "\n"
            self.pieces.append(_Piece(0, 0, "\n", call, position))


def _shared(left: str, right: str) -> int:
    pairs = zip(left, right, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))


def _cut(pieces: Sequence[_Piece], start: int, stop: int) -> list[_Piece]:
    """Cut out the characters from `start` to `stop` of a line."""
    parts, at = [], 0
    for piece in pieces:
        begin, end = max(start - at, 0), min(stop - at, piece.size())
        if begin < end:
            parts.append(piece.cut(begin, end))
        at += piece.size()
    return parts


class _Operation(NamedTuple):
    """A call with its line numbers as UltraX counts them, and its place in the program."""

    name: str
    arguments: tuple[int | str, ...]
    position: int


def execute_ultrax(text: str, programs: Iterable[tuple[ChunkWindow, Program]]) -> Execution:
    """Execute the programs of a document's chunks, whose calls act on the document's lines. Never raises.

    Where there are several, a chunk's calls act within its own lines, as in UltraX's windows.
    """
    parts = list(programs)
    source = _Source(text)
    given = [
        (position, chunk, call) for chunk, program in parts for position, call in enumerate(program.calls)
    ]
    operations = [
        operation
        for place, (_, chunk, call) in enumerate(given)
        if (operation := _operation(place, chunk, call, len(parts) > 1))
    ]
    lines = source.plain.splitlines(keepends=True)
    changes: list[Edit] = []
    reason = Reason.NONE
    if _loops(operations, source.plain):
        reason = Reason.REPETITIVE
    elif source.plain.strip():
        changes = _changes(_merged(operations, lines), lines)
    record = source.record(changes)
    made = {edit.position for edit in record}
    for place, (_, chunk, call) in enumerate(given):
        if place not in made:
            outcome = Outcome.OVER_GUARD_RAIL if reason else _unmade(call, lines)
            record.append(Edit(call.name, chunk.index, chunk.start, chunk.start, "", None, outcome, place))
    record = [_of_chunk(edit, given) for edit in record]
    record += [
        Edit(refusal.call, chunk.index, chunk.start, chunk.start, "", None, refusal.code, place)
        for chunk, program in parts
        for place, refusal in enumerate(program.refusals)
    ]
    refined = apply_edits(text, record)
    if text and not refined:
        return Execution("", tuple(record), Status.EMPTIED, Reason.NOTHING_LEFT)
    return Execution(refined, tuple(record), Status.KEPT, reason)


def _of_chunk(edit: Edit, given: Sequence[tuple[int, ChunkWindow, Call]]) -> Edit:
    """Give an edit the chunk of its call and the call's place there."""
    if edit.position < 0:
        return edit
    position, chunk, _ = given[edit.position]
    return edit._replace(chunk=chunk.index, position=position)


def _operation(place: int, chunk: ChunkWindow, call: Call, windowed: bool) -> _Operation | None:
    """Number a call's lines as UltraX does; None where a window's call acts outside of its lines."""
    first, last = chunk.line_start + FIRST_LINE, chunk.line_stop - 1 + FIRST_LINE
    if call == KEEP_ALL:
        return None if windowed else _Operation("keep_all", (), place)
    if call == REMOVE_ALL:
        whole = _Operation("remove_lines", (first, last), place)
        return whole if windowed else _Operation("remove_all", (), place)
    start, *rest = call.arguments
    line = int(start) + FIRST_LINE
    if call.name == "remove_lines":
        stop = int(rest[0]) + FIRST_LINE
        if windowed and stop < first:
            return None
        span = (max(line, first), min(stop, last)) if windowed else (line, stop)
        return _Operation("remove_lines", span, place)
    return None if windowed and not first <= line <= last else _Operation(call.name, (line, *rest), place)


def _unmade(call: Call, lines: Sequence[str]) -> Outcome:
    """Why a call changed nothing."""
    if call == KEEP_ALL:
        return Outcome.KEPT
    if call == REMOVE_ALL:
        return Outcome.IGNORED
    line, *rest = call.arguments
    if call.name == "remove_lines":
        return Outcome.REVERSED if int(line) > int(rest[0]) else Outcome.OUT_OF_RANGE
    if call.name == "add_line":
        return Outcome.COVERED
    if not 0 <= int(line) < len(lines):
        return Outcome.OUT_OF_RANGE
    if rest[0] == rest[1]:
        return Outcome.UNCHANGED
    matches = lines[int(line)].count(str(rest[0]))
    return Outcome.NO_MATCH if not matches else Outcome.AMBIGUOUS if matches > 1 else Outcome.COVERED


def _loops(operations: Sequence[_Operation], text: str) -> bool:
    """Say whether a program repeats itself as models do that do not find an end."""
    if len(operations) <= min(_SAME_ADDED, _SAME_REMOVED):
        return False
    added = [one.arguments for one in operations if one.name == "add_line"]
    contents = [str(content) for _, _, content in added]
    removed = Counter(one.arguments for one in operations if one.name == "remove_lines")
    replaced = Counter(one.arguments[1:] for one in operations if one.name == "replace_str")
    same = Counter((line, content) for line, _, content in added)
    places = Counter(content for _, content in same)
    return (
        any(count > _SAME_ADDED for count in same.values())
        or any(count > _SAME_ADDED_PLACES for count in places.values())
        or any(_replaced_in_a_loop(str(old), count, text) for (old, _), count in replaced.items())
        or any(count > _SAME_REMOVED for count in removed.values())
        or (len(contents) > _ALIKE_ADDED and _most_alike(contents) > _ALIKE_ADDED)
    )


def _replaced_in_a_loop(old: str, count: int, text: str) -> bool:
    return count > _SAME_REPLACED and not (old and text.count(old) >= count * _LEGITIMATE_SHARE)


def _most_alike(strings: Sequence[str]) -> int:
    """Count the strings of the largest group; a string joins the first group whose first one is like it."""
    groups: list[tuple[str, list[str]]] = []
    for string in strings:
        for first, members in groups:
            if SequenceMatcher(None, first, string).ratio() >= _ALIKE:
                members.append(string)
                break
        else:
            groups.append((string, [string]))
    return max(len(members) for _, members in groups)


def _merged(operations: Sequence[_Operation], lines: Sequence[str]) -> list[_Operation]:
    """Put replacements first, by line, those of one line made into one; ambiguous ones are left out."""
    replacing = [one for one in operations if one.name == "replace_str" and _is_clear(one, lines)]
    others = [one for one in operations if one.name != "replace_str"]
    by_line: dict[int, list[_Operation]] = {}
    for one in replacing:
        by_line.setdefault(int(one.arguments[0]), []).append(one)
    first: list[_Operation] = []
    for number in sorted(by_line):
        same_line = by_line[number]
        known = len(same_line) > 1 and 1 <= number <= len(lines)
        first += _one_replacement(same_line, lines[number - 1]) if known else same_line
    return first + others


def _is_clear(one: _Operation, lines: Sequence[str]) -> bool:
    line, old, _ = one.arguments
    return not 1 <= int(line) <= len(lines) or lines[int(line) - 1].count(str(old)) == 1


class _Change(NamedTuple):
    start: int
    stop: int
    text: str


def _one_replacement(operations: list[_Operation], line: str) -> list[_Operation]:
    """Join the replacements of a line into one of the whole line; longer strings come first."""
    changes: list[_Change] = []
    tried_up_to: dict[str, int] = {}
    for one in sorted(operations, key=lambda one: -len(str(one.arguments[1]))):
        old, new = str(one.arguments[1]), str(one.arguments[2])
        at = line.find(old, tried_up_to.get(old, 0))
        differing = [code for code in SequenceMatcher(None, old, new).get_opcodes() if code[0] != "equal"]
        if at >= 0 and differing:
            moved = [_Change(at + a, at + b, new[c:d]) for _, a, b, c, d in differing]
            changes += [kept for one in moved if (kept := _beside(one, tuple(changes)))]
            tried_up_to[old] = at + 1
    joined: list[_Change] = []
    for change in sorted(changes, key=lambda change: change.start):
        if joined and change.start <= joined[-1].stop:
            last = joined.pop()
            text = last.text[: max(0, change.start - last.start)] + change.text
            joined.append(_Change(last.start, max(last.stop, change.stop), text))
        else:
            joined.append(change)
    result = line
    for change in reversed(joined):
        result = result[: change.start] + change.text + result[change.stop :]
    if result == line:
        return operations
    arguments = (operations[0].arguments[0], line, result)
    return [_Operation("replace_str", arguments, operations[0].position)]


def _beside(change: _Change, taken: Sequence[_Change]) -> _Change | None:
    """Trim a change to what no earlier one has; None where that is nothing, an insertion included."""
    start, stop, text = change
    for begin, end, _ in taken:
        if stop <= begin or start >= end:
            continue
        if (begin <= start and stop <= end) or (start < begin and end < stop):
            return None
        if begin <= start:
            text, start = text[end - start :], end
        else:
            over = stop - begin
            text, stop = text[:-over] if over < len(text) else "", begin
    return _Change(start, stop, text) if start < stop else None


def _changes(operations: Sequence[_Operation], lines: Sequence[str]) -> list[Edit]:
    """Execute operations on the lines of a text: its changes, in its order."""
    alone = operations[0] if len(operations) == 1 else None
    if not operations or (alone and alone.name == "keep_all"):
        return []
    starts = [0, *accumulate(map(len, lines))]
    if alone and alone.name == "remove_all":
        return [Edit("remove_lines", -1, 0, starts[-1], "", None, Outcome.APPLIED, alone.position)]
    page: dict[float, _Line] = {
        number: _Line(line, [_Piece(starts[number - 1], starts[number])])
        for number, line in enumerate(lines, FIRST_LINE)
    }
    causes: dict[int, _Cause] = {}
    try:
        for one in operations:
            _operate(one, page, causes)
    except OverflowError:  # a line number that no float holds: the released code gives the program up as well
        return []
    return _record(_closed_up(_joined(page), "".join(lines)), starts, causes)


def _operate(one: _Operation, page: dict[float, _Line], causes: dict[int, _Cause]) -> None:
    """Let an operation act on the lines by number; added ones have numbers between those of the text."""
    cause = (one.name, one.position)
    if one.name == "remove_lines":
        first, last = int(one.arguments[0]), int(one.arguments[1])
        for number in [number for number in page if first <= number <= last]:
            del page[number]
            causes.setdefault(int(number), cause)
    elif one.name == "replace_str":
        number, old, new = int(one.arguments[0]), str(one.arguments[1]), str(one.arguments[2])
        if number in page and old in page[number].text:
            page[number].replace(old, new, *cause)
            causes[number] = cause
    elif one.name == "add_line":
        base, among, content = one.arguments
        place = int(base) + int(among) / _STEPS
        if place in page and place == int(place):
            causes[int(place)] = cause
        page[place] = _Line(str(content), [_Piece(0, 0, str(content), *cause)] if content else [])


def _joined(page: dict[float, _Line]) -> list[_Piece]:
    """Put the lines in order; an added line stands on a line of its own."""
    numbers = sorted(page)
    for at, number in enumerate(numbers):
        if isinstance(number, float):
            cause = next(((p.call, p.position) for p in page[number].pieces if p.call), ("add_line", -1))
            if at:
                page[numbers[at - 1]].close(*cause)
            if at + 1 < len(numbers):
                page[number].close(*cause)
    return [piece for number in numbers for piece in page[number].pieces]


def _closed_up(pieces: Sequence[_Piece], plain: str) -> list[_Piece]:
    """Leave one newline of each run, and none at the ends."""
    kept: list[_Piece] = []
    after_newline = True
    for piece in pieces:
        new = piece.new.replace("\r\n", "\n").replace("\r", "\n")
        piece = piece._replace(new=new)
        for run in re.finditer(r"\n+|[^\n]+", new or plain[piece.start : piece.stop]):
            is_newline = run.group().startswith("\n")
            if not (is_newline and after_newline):
                kept.append(piece.cut(run.start(), run.start() + 1 if is_newline else run.end()))
            after_newline = is_newline
    return kept[:-1] if kept and after_newline else kept


def _record(pieces: Sequence[_Piece], starts: Sequence[int], causes: dict[int, _Cause]) -> list[Edit]:
    """Say by which edits a text becomes these pieces of it; what no call removed went with blank lines."""
    edits: list[Edit] = []
    at = 0
    for piece in [*pieces, _Piece(starts[-1], starts[-1])]:
        if piece.new:
            _add(edits, at, at, piece.new, (piece.call, piece.position))
            continue
        line = bisect_right(starts, at) - 1
        while at < piece.start:
            stop = min(starts[line + 1], piece.start)
            _add(edits, at, stop, "", causes.get(line + FIRST_LINE, (BLANK_LINES, -1)))
            at, line = stop, line + 1
        at = piece.stop
    return edits


def _add(edits: list[Edit], start: int, stop: int, new: str, cause: _Cause) -> None:
    """Record a change, joined with the one before where both are of one call and touch."""
    if edits and edits[-1].stop == start and (edits[-1].call, edits[-1].position) == cause:
        last = edits.pop()
        start, new = last.start, last.replacement + new
    edits.append(Edit(cause[0], -1, start, stop, new, None, Outcome.APPLIED, cause[1]))


class _Source:
    """A document, and the text that UltraX makes of it first, with newlines of one kind."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._newlines = [(match.start(), match.end()) for match in re.finditer(r"\r\n?", text)]
        self.plain = text.replace("\r\n", "\n").replace("\r", "\n")

    def record(self, changes: Sequence[Edit]) -> list[Edit]:
        """Turn changes of the plain text into edits of the source, its other newlines among them."""
        shrunk = list(accumulate((stop - start - 1 for start, stop in self._newlines), initial=0))
        places = [start - less for (start, _), less in zip(self._newlines, shrunk, strict=False)]

        def of_source(place: int) -> int:
            return place + shrunk[bisect_left(places, place)]

        edits = [one._replace(start=of_source(one.start), stop=of_source(one.stop)) for one in changes]
        starts = [one.start for one in edits if one.start < one.stop]
        stops = [one.stop for one in edits if one.start < one.stop]
        edits += [
            Edit(NEWLINES, -1, start, stop, "\n", None, Outcome.APPLIED, -1)
            for start, stop in self._newlines
            if not (at := bisect_right(starts, start)) or stops[at - 1] <= start
        ]
        ordered = sorted(edits, key=lambda one: (one.start, one.stop))
        return [one._replace(removed=self.text[one.start : one.stop]) for one in ordered]
