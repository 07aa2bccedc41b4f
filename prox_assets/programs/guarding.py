"""What holds for a document as a whole: its last newline, and the guard rails."""

from prox_assets.programs.chunk_executor import removed_characters, taken_back
from prox_assets.programs.codes import Outcome, Reason, Status
from prox_assets.programs.edits import Edit, applied, rebuilt
from prox_assets.programs.rails import Beyond, Rails

GUARD_RAIL = "guard_rail"


def close_last_line(text: str, edits: list[Edit]) -> list[Edit]:
    """Where the last line of a document goes, let the newline before its run of deletions go with it."""
    begin, first = len(text), None
    for edit in reversed(applied(edits)):
        if edit.stop != begin or edit.replacement:
            break
        begin, first = edit.start, edit
    if first is None or begin == 0 or text[begin - 1] != "\n" or _taken(edits, begin):
        return edits
    longer = first._replace(start=begin - 1, removed="\n" + first.removed)
    return [longer if edit is first else edit for edit in edits]


def _taken(edits: list[Edit], stop: int) -> bool:
    return any(e.outcome == "applied" and e.stop == stop > e.start for e in edits)


def guard(text: str, edits: list[Edit], rails: Rails) -> tuple[str, list[Edit], Status, Reason]:
    """Execute the edits within the rails: refined text, final record, status and reason."""
    size, changes = len(text), applied(edits)
    if not changes:
        return text, edits, Status.KEPT, Reason.NONE
    if removed_characters(changes) > rails.max_removed_share * size:
        if rails.beyond is Beyond.EMPTY:
            return "", _emptied(text, edits), Status.EMPTIED, Reason.OVER_REMOVED
        return text, taken_back(edits), Status.KEPT, Reason.OVER_GUARD_RAIL
    if _growth(changes) > rails.max_added_share * size:
        return text, taken_back(edits), Status.KEPT, Reason.OVER_GUARD_RAIL
    refined = rebuilt(text, changes)
    if refined != text and not has_visible(refined, rails.min_kept_chars):
        return "", _emptied(text, edits), Status.EMPTIED, Reason.TOO_SHORT
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


def _emptied(text: str, edits: list[Edit]) -> list[Edit]:
    """Add to the record the deletion of everything that is left."""
    record, at = [e._replace(replacement="") for e in edits], 0
    rest = [*((e.start, e.stop) for e in applied(edits)), (len(text), len(text))]
    for start, stop in rest:
        if at < start:
            record.append(
                Edit(GUARD_RAIL, -1, at, start, "", None, Outcome.APPLIED, -1, removed=text[at:start])
            )
        at = max(at, stop)
    return record
