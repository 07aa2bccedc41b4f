"""Executing one chunk's program: every call acts on the source, so that none depends on what another did."""

from collections.abc import Sequence

from prox_assets.programs.codes import Outcome
from prox_assets.programs.cover import Cover
from prox_assets.programs.edits import Edit, applied
from prox_assets.programs.program import Program
from prox_assets.programs.rails import Beyond, Rails
from prox_assets.programs.registry import CallSpec, Registry
from prox_assets.programs.scope import Lines, Replacement, Scope, Window

GUARD_RAIL = "guard_rail"
Scores = Sequence[float | None] | None


class ChunkRun:
    """One execution of one chunk program.

    Line deletions go first, then replacements in the order of the program. A deletion takes what earlier ones
    have left of its place. Where a replacement is involved, the first call has the characters, and the second
    is recorded as covered or overlapping.
    """

    __slots__ = (
        "_chunk",
        "_last_line",
        "_lines",
        "_rails",
        "_record",
        "_replaced",
        "_scope",
        "_scores",
        "_taken",
        "_text",
    )

    def __init__(self, text: str, chunk: Window, rails: Rails, scores: Scores) -> None:
        self._text, self._chunk, self._rails, self._scores = text, chunk, rails, scores
        self._scope = Scope(text, chunk, rails)
        self._lines, self._taken, self._replaced = Cover(), Cover(), Cover()
        self._record: list[Edit] = []
        self._last_line = -1

    def edits(self, program: Program, registry: Registry) -> list[Edit]:
        """Run all calls; the record lists them in the order of the program, refusals last."""
        replacements = self._act(program, registry)
        if replacements:
            for edit in applied(self._record):
                self._taken.add(edit.start, edit.stop)
            for position, spec, spans in replacements:
                for span in spans:
                    if span.text:
                        self._replace(position, spec.key, span)
                    else:
                        self._delete_span(position, spec.key, span)
            self._record.sort(key=_position)
        for place, refusal in enumerate(program.refusals):
            self._note(place, refusal.call, refusal.code)
        return self._within_rail()

    def ends_document(self) -> bool:
        """Say whether the last line of the document was deleted.

        A text that ends with a newline has an empty last line, which the last piece of an over-long line
        does not hold.
        """
        text, chunk = self._text, self._chunk
        if self._last_line < 0 or self._last_line != chunk.line_stop - 1 or chunk.stop != len(text):
            return False
        newlines = chunk.line_stop - chunk.line_start - 1
        return not text.endswith("\n") or text.count("\n", chunk.start) == newlines

    def _act(self, program: Program, registry: Registry) -> list[tuple[int, CallSpec, list[Replacement]]]:
        """Let every call act once; delete lines at once and give back the replacements."""
        later, seen, names = [], set(), registry.names
        for position, call in enumerate(program.calls):
            spec = names[call.name].spec
            if self._scores is None and position >= self._rails.max_calls:
                self._note(position, spec.key, Outcome.TOO_MANY_CALLS)
            elif call in seen:
                self._note(position, spec.key, Outcome.REPEATED)
            else:
                seen.add(call)
                effect = spec.forms[call.form].act(self._scope, call.arguments)
                if isinstance(effect, Lines):
                    self._delete(position, spec.key, effect)
                elif isinstance(effect, list):
                    later.append((position, spec, effect))
                else:
                    self._note(position, spec.key, effect)
        return later

    def _delete(self, position: int, key: str, lines: Lines) -> None:
        first, last = lines
        if last > self._last_line:
            self._last_line = last
        for begin, end in self._lines.free(first, last + 1):
            self._lines.add(begin, end)
            start, stop = self._scope.line_start(begin), self._scope.line_start(end)
            self._apply(position, key, start, stop, "")
            first = -1
        if first >= 0:
            start, stop = self._scope.line_start(first), self._scope.line_start(last + 1)
            self._note(position, key, Outcome.COVERED, start, stop)

    def _replace(self, position: int, key: str, span: Replacement) -> None:
        start, stop, replacement = span
        if self._taken.touches(start, stop):
            self._note_taken(position, key, start, stop)
        else:
            self._taken.add(start, stop)
            self._replaced.add(start, stop)
            self._apply(position, key, start, stop, replacement)

    def _delete_span(self, position: int, key: str, span: Replacement) -> None:
        start, stop, _ = span
        free = [] if self._replaced.touches(start, stop) else self._taken.free(start, stop)
        for begin, end in free:
            self._taken.add(begin, end)
            self._apply(position, key, begin, end, "")
        if not free:
            self._note_taken(position, key, start, stop)

    def _note_taken(self, position: int, key: str, start: int, stop: int) -> None:
        covered = not self._taken.free(start, stop) if start < stop else self._taken.holds(start, stop)
        self._note(position, key, Outcome.COVERED if covered else Outcome.OVERLAPS, start, stop)

    def _apply(self, position: int, key: str, start: int, stop: int, replacement: str) -> None:
        score = None if self._scores is None else self._score(position)
        removed, index = self._text[start:stop], self._chunk.index
        self._record.append(
            Edit(key, index, start, stop, replacement, score, Outcome.APPLIED, position, removed)
        )

    def _note(self, position: int, key: str, outcome: str, start: int = -1, stop: int = -1) -> None:
        """Record a call that changes nothing, with the place it aimed at."""
        if start < 0:
            start = stop = self._chunk.start
        score = None if self._scores is None else self._score(position)
        self._record.append(Edit(key, self._chunk.index, start, stop, "", score, outcome, position))

    def _score(self, position: int) -> float | None:
        scores = self._scores
        return scores[position] if scores is not None and position < len(scores) else None

    def _within_rail(self) -> list[Edit]:
        """Remove the whole chunk, or take all edits back, where together they remove too much of it."""
        share, chunk = self._rails.max_chunk_removed_share, self._chunk
        if share >= 1 or removed_characters(applied(self._record)) <= share * (chunk.stop - chunk.start):
            return self._record
        if self._rails.beyond is Beyond.RESTORE:
            self._last_line = -1
            return taken_back(self._record)
        self._last_line = chunk.line_stop - 1
        return emptied(self._text, self._record, chunk.start, chunk.stop)


def _position(edit: Edit) -> int:
    return edit.position


def removed_characters(edits: list[Edit]) -> int:
    """Count the source characters that applied edits remove, less what they put in their place."""
    return sum([max(0, e.stop - e.start - len(e.replacement)) for e in edits])


def emptied(text: str, edits: list[Edit], start: int, stop: int) -> list[Edit]:
    """Add to the edits of [start, stop) the deletion of everything that they leave there."""
    record, at = [e._replace(replacement="") for e in edits], start
    for begin, end in [*((e.start, e.stop) for e in applied(edits)), (stop, stop)]:
        if at < begin:
            removed = text[at:begin]
            record.append(Edit(GUARD_RAIL, -1, at, begin, "", None, Outcome.APPLIED, -1, removed))
        at = max(at, end)
    return record


def taken_back(edits: list[Edit]) -> list[Edit]:
    """Turn applied edits into edits over the guard rail."""
    rail = Outcome.OVER_GUARD_RAIL
    return [
        e._replace(outcome=rail, removed="", replacement="") if e.outcome == "applied" else e for e in edits
    ]
