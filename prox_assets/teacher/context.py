"""Context: a line is judged with its neighbours, since noise and content come in blocks.

jusText gives short lines the class of the blocks around them. The same idea in probabilities: a two-state
chain (content, noise) that tends to stay where it is, with the line rules' evidence as emissions, solved
exactly by the forward-backward recursions. Weak evidence yields to its neighbours, strong evidence does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

_MAX_EVIDENCE = 6.0


@dataclass(frozen=True, slots=True)
class Chain:
    """How often blocks change between lines: the chances to enter noise and to leave it."""

    enter: float = 0.3
    leave: float = 0.3


def noise_probabilities(evidence: Sequence[float], chain: Chain) -> list[float]:
    """Probability that each line is noise, (lines,) → (lines,), from log-odds evidence and its context."""
    odds = [exp(max(-_MAX_EVIDENCE, min(_MAX_EVIDENCE, value))) for value in evidence]
    before = _messages(odds, chain.enter, chain.leave)
    after = _messages(odds[::-1], *_reversed(chain))[::-1]
    start = chain.enter / chain.leave
    combined = [b * a * o / start for b, a, o in zip(before, after, odds, strict=True)]
    return [value / (1 + value) for value in combined]


def _messages(odds: Sequence[float], enter: float, leave: float) -> list[float]:
    """Odds of noise at each line, given all lines before it."""
    at = enter / leave
    given = []
    for own in odds:
        given.append(at)
        noise = at * own / (1 + at * own)
        moved = noise * (1 - leave) + (1 - noise) * enter
        at = moved / (1 - moved)
    return given


def _reversed(chain: Chain) -> tuple[float, float]:
    """A two-state chain in its stationary state is reversible: backwards it has the same chances."""
    return chain.enter, chain.leave


@dataclass(frozen=True, slots=True)
class Placement:
    """What a place says: before the first good line (menus), after the last (footers), or between (content).

    ProX names menus at the top and footers at the end as families of noise of their own. A line is good with
    evidence below `good`; with fewer than `min_good` such lines a document has no middle.
    """

    head: float = 0.2
    inside: float = -0.6
    tail: float = 0.5
    good: float = -0.8
    min_good: int = 2


def placed(evidence: Sequence[float], placement: Placement) -> list[float]:
    """Evidence with what the place of each line adds, (lines,) → (lines,); blank lines (0) stay 0."""
    good = [number for number, value in enumerate(evidence) if value < placement.good]
    if len(good) < placement.min_good:
        return list(evidence)
    first, last = good[0], good[-1]
    return [
        value + (placement.head if number < first else placement.tail if number > last else placement.inside)
        if value
        else value
        for number, value in enumerate(evidence)
    ]
