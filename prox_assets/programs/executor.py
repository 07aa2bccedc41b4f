"""Execute programs: from a document and its programs to the refined text and the record of every edit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prox_assets.programs.actions import ChunkWindow, Lines, Replacement, Scope
from prox_assets.programs.edits import Cover, Edit, applied, rebuilt
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Outcome, Program, Reason, Stage, Status, Verdict
from prox_assets.programs.rails import Beyond, Rails
from prox_assets.programs.registry import CallSpec, Registry, Touches


def close_last_line(text: str, edits: list[Edit], changes: list[Edit]) -> None:
    """Where the last line of a document goes, let the newline before its run of deletions go with it.

    `changes` are the applied ones of `edits` in order; the edit that begins the run is replaced in both.
    """
    place, begin = len(changes), len(text)
    while place and changes[place - 1].stop == begin and not changes[place - 1].replacement:
        place -= 1
        begin = changes[place].start
    taken = place > 0 and changes[place - 1].stop == begin
    if place == len(changes) or begin == 0 or text[begin - 1] != "\n" or taken:
        return
    first = changes[place]
    changes[place] = first._replace(start=begin - 1, removed="\n" + first.removed)
    where = next(i for i in range(len(edits) - 1, -1, -1) if edits[i] is first)
    edits[where] = changes[place]


def guard(
    text: str, edits: list[Edit], changes: list[Edit], rails: Rails
) -> tuple[str, list[Edit], Status, Reason]:
    """Execute `changes`, the applied ones of `edits`, within the rails.

    Gives the refined text, the final record, the status and the reason. A document that is kept has text,
    unless its source has none.
    """
    size = len(text)
    if removed_characters(changes) > rails.max_removed_share * size:
        if rails.beyond is Beyond.EMPTY:
            return "", emptied(text, edits, 0, size), Status.EMPTIED, Reason.OVER_REMOVED
        return text, taken_back(edits), Status.KEPT, Reason.OVER_GUARD_RAIL
    if _growth(changes) > rails.max_added_share * size:
        return text, taken_back(edits), Status.KEPT, Reason.OVER_GUARD_RAIL
    refined = rebuilt(text, changes)
    if refined != text and not has_visible(refined, rails.min_kept_chars):
        return "", emptied(text, edits, 0, size), Status.EMPTIED, Reason.TOO_SHORT
    if text and not refined:
        return "", emptied(text, edits, 0, size), Status.EMPTIED, Reason.NOTHING_LEFT
    return refined, edits, Status.KEPT, Reason.NONE


def _growth(edits: list[Edit]) -> int:
    return sum([len(e.replacement) - e.stop + e.start for e in edits if e.replacement])


def has_visible(text: str, least: int) -> bool:
    """Say whether a text has at least this many characters that are not white space; reads no further."""
    seen = 0
    for character in text if least > 0 else "":
        seen += not character.isspace()
        if seen >= least:
            return True
    return least <= 0


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

    def __init__(self, text: str, chunk: ChunkWindow, rails: Rails, scores: Scores) -> None:
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


_RAILS = Rails()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a document program decides. Anything but a clear drop keeps the document."""

    keep: bool
    outcome: Verdict


@dataclass(frozen=True, slots=True)
class Execution:
    """A document after its chunk programs: the text, the record, and what became of it."""

    text: str
    edits: tuple[Edit, ...]
    status: Status
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """The window of a call that acts on a document as a whole."""

    index: int = 0
    line_start: int = 0
    line_stop: int = 0
    start: int = 0
    stop: int = 0
    context_lines: int = 0


def execute_document(program: Program, registry: Registry = REGISTRY) -> Decision:
    """Decide by a document program: drop where all its calls say drop, keep otherwise. Never raises."""
    scope = Scope("", _Nowhere(), _RAILS)
    said = []
    for call in program.calls:
        spec = registry.spec(call.name)
        if spec.stage is Stage.DOCUMENT:
            said.append(spec.forms[call.form].act(scope, call.arguments) is Outcome.DROPPED)
    if not said:
        return Decision(True, Verdict.NO_DECISION)
    if all(said):
        return Decision(False, Verdict.DROP)
    return Decision(True, Verdict.CONTRADICTORY if any(said) else Verdict.KEEP)


def execute_chunks(
    text: str,
    programs: Iterable[tuple[ChunkWindow, Program, Scores]],
    rails: Rails = _RAILS,
    registry: Registry = REGISTRY,
) -> Execution:
    """Execute the programs of a document's chunks, each with one score a call or None.

    Every call acts on the source text. Chunks own disjoint parts of the document, as `chunk_lines` makes
    them. The record holds every call, applied or not, and every refusal. Never raises for a program.
    """
    edits: list[Edit] = []
    ends = False
    for chunk, program, scores in programs:
        run = ChunkRun(text, chunk, rails, scores)
        edits += run.edits(program, registry)
        ends = ends or run.ends_document()
    changes = applied(edits)
    if not changes:
        return Execution(text, tuple(edits), Status.KEPT, Reason.NONE)
    if ends:
        close_last_line(text, edits, changes)
    refined, record, status, reason = guard(text, edits, changes, rails)
    return Execution(refined, tuple(record), status, reason)


def removed_line_numbers(program: Program, chunk: ChunkWindow, registry: Registry = REGISTRY) -> list[int]:
    """List the lines a chunk program would delete, in the document's numbers: what line F1 compares."""
    scope = Scope("", chunk, _RAILS)
    removed: set[int] = set()
    for call in program.calls:
        spec = registry.spec(call.name)
        if spec.stage is Stage.CHUNK and spec.touches is Touches.LINES:
            effect = spec.forms[call.form].act(scope, call.arguments)
            if isinstance(effect, Lines):
                removed.update(range(effect.first, effect.last + 1))
    return sorted(removed)
