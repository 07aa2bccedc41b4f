"""What holds for a document as a whole: its last newline, and the guard rails."""

from prox_assets.programs.chunk_executor import emptied, removed_characters, taken_back
from prox_assets.programs.codes import Reason, Status
from prox_assets.programs.edits import Edit, rebuilt
from prox_assets.programs.rails import Beyond, Rails


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
