"""How each call acts on a chunk: from arguments to lines or replacements, or to the reason why not."""

from prox_assets.programs.codes import Outcome
from prox_assets.programs.program import Arguments
from prox_assets.programs.scope import Lines, Replacement, Scope

Effect = Lines | list[Replacement] | Outcome


def keep(_scope: Scope, _arguments: Arguments) -> Effect:
    """Leave everything as it is."""
    return Outcome.KEPT


def drop(_scope: Scope, _arguments: Arguments) -> Effect:
    """Give the document up."""
    return Outcome.DROPPED


def remove_lines(scope: Scope, arguments: Arguments) -> Effect:
    """Delete a range of lines, both ends included."""
    first, last = arguments
    return scope.owned(int(first), int(last))


def remove_all_lines(scope: Scope, _arguments: Arguments) -> Effect:
    """Delete every line the chunk owns."""
    return Lines(scope.chunk.line_start, scope.chunk.line_stop - 1)


def normalize(scope: Scope, arguments: Arguments) -> Effect:
    """Replace every match of a string in the chunk."""
    source, target = str(arguments[0]), str(arguments[1])
    if source == target:
        return Outcome.UNCHANGED
    found = scope.matches(source, scope.chunk.start, scope.chunk.stop)
    if isinstance(found, Outcome):
        return found
    return _replacements(found, source, target)


def remove_str(scope: Scope, arguments: Arguments) -> Effect:
    """Delete the only occurrence of a string in a line (RefineX)."""
    return _replace_once(scope, int(arguments[0]), str(arguments[1]), "")


def replace_str(scope: Scope, arguments: Arguments) -> Effect:
    """Replace the only occurrence of a string in a line (UltraX)."""
    return _replace_once(scope, int(arguments[0]), str(arguments[1]), str(arguments[2]))


def _replace_once(scope: Scope, line: int, source: str, target: str) -> Effect:
    lines = scope.owned(line, line)
    if isinstance(lines, Outcome):
        return lines
    if source == target:
        return Outcome.UNCHANGED
    start, stop = scope.line_start(line), scope.line_start(line + 1)
    at = scope.text.find(source, start, stop)
    if at < 0:
        return Outcome.NO_MATCH
    if scope.text.find(source, at + 1, stop) >= 0:
        return Outcome.AMBIGUOUS
    return _replacements([at], source, target)


def _replacements(found: list[int], source: str, target: str) -> list[Replacement]:
    """Turn matches into the smallest spans that change: what source and target share at the ends stays."""
    if not target:
        return [Replacement(at, at + len(source), "") for at in found]
    head = _shared(source, target)
    tail = _shared(source[head:][::-1], target[head:][::-1])
    stop = len(source) - tail
    middle = target[head : len(target) - tail]
    return [Replacement(at + head, at + stop, middle) for at in found]


def _shared(one: str, other: str) -> int:
    """Count the characters two strings begin with in common."""
    limit = min(len(one), len(other))
    for place in range(limit):
        if one[place] != other[place]:
            return place
    return limit
