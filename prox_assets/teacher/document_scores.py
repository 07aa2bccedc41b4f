"""The two rubrics of ProX (educational value, extraction quality), estimated from quality signals.

No model reads the text. Both scores add up points from 0 to 5, as the prompts of the rubrics do: the
educational score counts the prose that is left when noise is taken out and takes points off for what filters
call low quality; the format score starts at 5 and pays for what the extraction left behind.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from prox_assets.teacher import line_patterns as patterns
from prox_assets.teacher.judging import JudgedDocument
from prox_assets.teacher.line_rules import is_prose
from prox_assets.teacher.lines import Line

# Width of prose (Latin-equivalent characters) that earns each further point.
PROSE_POINTS = (1, 100, 150, 500, 1_500)
MIN_SENTENCE_LINES = 2
LONG_LINE = 70
MIN_ENDED_LONG_LINES = 0.4
MAX_SELF_REFERENCE = 0.15
MAX_REPEATED_WIDTH = 0.2
MAX_SHORT_LINES = 0.67
SHORT_LINE = 30
MIN_ALPHABETIC = 0.5
MAX_DAMAGED_WIDTH = 0.3


@dataclass(frozen=True, slots=True)
class DocumentScores:
    """Both scores (0-5) and the names of the signals that decided, with their values."""

    educational: float
    layout: float
    justification: str


@dataclass(frozen=True, slots=True)
class Signals:
    """Published quality signals of a document, as shares of widths unless said otherwise.

    `prose` is the width of content lines that C4 would keep, `n_prose` their number; `ended_long` the share
    of long lines that end a sentence (C4, FineWeb); `of_itself` the share of content about the site (C4's
    policy phrases, Boilerpipe); `repeated` the share in repeated lines (Gopher); `short` the share of lines
    that are short (FineWeb); `alphabetic` the share of lines with words (Gopher); `noise` what the line rules
    remove; `damaged` the share in a broken encoding. All but the last two are of the lines outside blocks:
    programs, tables and formulas have another form than prose.
    """

    prose: int
    n_prose: int
    noise: float
    ended_long: float
    of_itself: float
    repeated: float
    short: float
    alphabetic: float
    damaged: float


def signals(document: JudgedDocument) -> Signals:
    """Measure a judged document."""
    visible, content = document.visible(), document.content()
    running, kept = document.visible(in_blocks=False), document.content(in_blocks=False)
    prose = [line for line in kept if is_prose(line)]
    long = [line for line in running if line.width >= LONG_LINE and line.ends_sentence is not None]
    return Signals(
        prose=_width(prose),
        n_prose=len(prose),
        noise=1 - _share(content, visible),
        ended_long=_share((line for line in long if line.ends_sentence), long, empty=1.0),
        of_itself=_share((line for line in kept if _is_of_itself(line)), kept),
        repeated=_share((line for line in kept if line.repeats > 1), kept),
        short=sum(line.width <= SHORT_LINE for line in running) / max(1, len(running)),
        alphabetic=sum(bool(line.words) for line in running) / len(running) if running else 1.0,
        damaged=_share((line for line in visible if patterns.MOJIBAKE.search(line.text)), visible),
    )


def scored(document: JudgedDocument) -> DocumentScores:
    """Score a judged document on both rubrics."""
    found = signals(document)
    educational, why = _educational(found)
    layout, costs = _layout(found)
    reasons = [f"{found.prose} characters of prose in {found.n_prose} lines", *why, *costs]
    return DocumentScores(educational, layout, "rules: " + "; ".join(reasons))


def _educational(found: Signals) -> tuple[float, list[str]]:
    score = float(sum(found.prose >= width for width in PROSE_POINTS))
    faults = []
    if found.n_prose < MIN_SENTENCE_LINES:
        score, faults = min(score, 2.0), [f"{found.n_prose} lines of sentences (C4)"]
    if found.ended_long < MIN_ENDED_LONG_LINES:
        score -= 3
        faults.append(f"{found.ended_long:.0%} of long lines end a sentence (C4, FineWeb)")
    if found.of_itself > MAX_SELF_REFERENCE:
        score -= 3
        faults.append(f"{found.of_itself:.0%} of the content is about the site itself (C4 policy phrases)")
    if found.repeated > MAX_REPEATED_WIDTH:
        score -= 1
        faults.append(f"{found.repeated:.0%} of the content in repeated lines (Gopher)")
    return max(0.0, score), faults


def _layout(found: Signals) -> tuple[float, list[str]]:
    costs = {
        f"{found.noise:.0%} noise by line rules": 4 * found.noise,
        f"{found.short:.0%} short lines (FineWeb)": float(found.short > MAX_SHORT_LINES),
        f"{found.damaged:.0%} with broken encoding": 2.0 * (found.damaged > 0),
        f"{found.alphabetic:.0%} of lines with words (Gopher)": float(found.alphabetic < MIN_ALPHABETIC),
        f"{found.ended_long:.0%} of long lines ended": float(found.ended_long < MIN_ENDED_LONG_LINES),
    }
    score = round(max(0.0, 5 - sum(costs.values())), 1)
    return score, [name for name, cost in costs.items() if cost]


def _is_of_itself(line: Line) -> bool:
    return any(
        pattern.search(line.lower) for pattern in (patterns.OF_ITSELF, patterns.RIGHTS, patterns.POLICY)
    )


def _width(lines: Iterable[Line]) -> int:
    return sum(line.width for line in lines)


def _share(part: Iterable[Line], whole: Iterable[Line], empty: float = 0.0) -> float:
    total = _width(whole)
    return _width(part) / total if total else empty
