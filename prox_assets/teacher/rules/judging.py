"""Judge a document by its lines, their neighbours, and what other documents share: lines and two scores.

They are counted in a corpus, so that what is said of a document depends on the corpus and on nothing else,
not on the documents that happen to be judged with it. Only lines of the judged documents are counted, so that
memory is bounded by these.

jusText gives short lines the class of the blocks around them. The same idea in probabilities: a two-state
chain (content, noise) that tends to stay where it is, with the line rules' evidence as emissions, solved
exactly by the forward-backward recursions. Weak evidence yields to its neighbours, strong evidence does not.

No model reads the text. Both scores add up points from 0 to 5, as the prompts of the rubrics do: the
educational score counts the prose that is left when noise is taken out and takes points off for what filters
call low quality; the format score starts at 5 and pays for what the extraction left behind.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp

import pyarrow as pa

from prox_assets.documents.files import fingerprint
from prox_assets.documents.store import FinishedShard
from prox_assets.languages import Lexicon, language_of, lexicon
from prox_assets.teacher.rules.blocks import Block, blocks
from prox_assets.teacher.rules.line_rules import (
    MOJIBAKE,
    OF_ITSELF,
    POLICY,
    RIGHTS,
    MeasuredLine,
    block_evidence,
    evidence,
    is_prose,
    measure,
)
from prox_assets.teacher.sampling import url_host

MIN_DOCUMENTS = 3
MIN_REPEATS = 2
# Of a large site, two of ten thousand pages with the same line are chance, or one page read twice.
MIN_SHARE = 0.01
_COLUMNS = ["url", "source", "text"]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents that repeated lines are counted in.

    `name` says what they are, `fingerprint` which ones; `batches` reads them, from the start at each call,
    with the columns `url`, `source` and `text`.
    """

    name: str
    fingerprint: str
    batches: Callable[[], Iterable[pa.RecordBatch]]

    @classmethod
    def of_shards(cls, shards: Sequence[FinishedShard]) -> "Corpus":
        """The raw documents of all finished shards of a domain."""
        return cls(
            f"{sum(shard.rows for shard in shards):,} documents of {len(shards)} shards",
            fingerprint({shard.key.shard: shard.fingerprint for shard in shards}),
            lambda: (batch for shard in shards for batch in shard.batches(_COLUMNS)),
        )


def site_of(url: str | None, source: str | None) -> str:
    """The group that a document's boilerplate is counted in: its host, else its source."""
    return url_host(url) or source or ""


class SharedLines:
    """How many documents of a site hold each of the lines that were asked for."""

    def __init__(self, asked: Iterable[tuple[str, Iterable[str]]] = ()) -> None:
        self._documents: Counter[str] = Counter()
        self._holders: dict[str, dict[str, int]] = {}
        for site, lines in asked:
            self._holders.setdefault(site, {}).update((line.strip(), 0) for line in lines)

    def add(self, site: str, lines: Iterable[str]) -> None:
        """Count a document of the corpus."""
        holders = self._holders.get(site)
        if holders is None:
            return
        self._documents[site] += 1
        for line in {line.strip() for line in lines}:
            if line in holders:
                holders[line] += 1

    def share(self, site: str, line: str) -> float:
        """Share of the site's documents with this line; 0 where too few documents or holders are known."""
        holders, documents = self._holders.get(site, {}).get(line.strip(), 0), self._documents[site]
        share = holders / documents if documents >= MIN_DOCUMENTS and holders >= MIN_REPEATS else 0.0
        return share if share >= MIN_SHARE else 0.0


def shared_lines(documents: pa.Table, corpus: Corpus | None) -> SharedLines:
    """Count the lines of `documents` (columns url, source, text) in a corpus; without one, none is shared."""
    if corpus is None:
        return SharedLines()
    shared = SharedLines(_lines_of(documents.select(_COLUMNS).to_batches()))
    for site, lines in _lines_of(corpus.batches()):
        shared.add(site, lines)
    return shared


def _lines_of(batches: Iterable[pa.RecordBatch]) -> Iterable[tuple[str, list[str]]]:
    for batch in batches:
        columns = (batch.column(name).to_pylist() for name in _COLUMNS)
        for url, source, text in zip(*columns, strict=True):
            yield site_of(url, source), text.split("\n")


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


# What a line is before any rule speaks, in log-odds of noise: content is likelier.
BIAS = -0.6
NOISE_THRESHOLD = 0.5
_CHAIN = Chain()
_PLACEMENT = Placement()


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """A document's lines, its blocks in order, and the probability of each line to be noise, (lines,).

    All lines of a block have the same probability.
    """

    lexicon: Lexicon
    lines: tuple[MeasuredLine, ...]
    blocks: tuple[Block, ...]
    noise: tuple[float, ...]

    def is_noise(self, number: int) -> bool:
        """Whether the rules call a line noise."""
        return self.noise[number] > NOISE_THRESHOLD

    def content(self, in_blocks: bool = True) -> list[MeasuredLine]:
        """The visible lines that are not noise; on demand without those of blocks."""
        return [self.lines[number] for number in self._visible(in_blocks) if not self.is_noise(number)]

    def visible(self, in_blocks: bool = True) -> list[MeasuredLine]:
        """All lines that are not blank; on demand without those of blocks."""
        return [self.lines[number] for number in self._visible(in_blocks)]

    def _visible(self, in_blocks: bool) -> Iterator[int]:
        inside: frozenset[int] = frozenset() if in_blocks else self.in_blocks()
        return (n for n, line in enumerate(self.lines) if not line.is_blank and n not in inside)

    def in_blocks(self) -> frozenset[int]:
        """The numbers of the lines that are part of a block."""
        return frozenset(number for block in self.blocks for number in block.lines)


def judged(text: str, language: str | None, shared: SharedLines, site: str) -> JudgedDocument:
    """Judge every line of a document, and the lines of a block together."""
    words = lexicon(language_of(text, language))
    raw = text.split("\n")
    repeats = Counter(line.strip() for line in raw)
    lines = tuple(
        measure(line, words, repeats[line.strip()], shared.share(site, line), following)
        for line, following in zip(raw, [*raw[1:], ""], strict=True)
    )
    found = tuple(blocks(raw))
    units = list(_units(len(lines), found))
    own = [_evidence(lines, unit) for unit in units]
    chances = noise_probabilities(placed(own, _PLACEMENT), _CHAIN)
    noise = [chance for unit, chance in zip(units, chances, strict=True) for _ in _numbers(unit)]
    return JudgedDocument(words, lines, found, tuple(noise))


def _units(n_lines: int, found: Sequence[Block]) -> Iterator[int | Block]:
    """What is judged at once, in order: blocks, and the numbers of the lines between them."""
    at = 0
    for block in found:
        yield from range(at, block.start)
        yield block
        at = block.stop
    yield from range(at, n_lines)


def _numbers(unit: int | Block) -> Sequence[int]:
    return unit.lines if isinstance(unit, Block) else (unit,)


def _evidence(lines: Sequence[MeasuredLine], unit: int | Block) -> float:
    if isinstance(unit, Block):
        return block_evidence(unit.kind, [lines[number] for number in unit.lines], BIAS)
    return evidence(lines[unit], BIAS)


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
        damaged=_share((line for line in visible if MOJIBAKE.search(line.text)), visible),
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


def _is_of_itself(line: MeasuredLine) -> bool:
    return any(pattern.search(line.lower) for pattern in (OF_ITSELF, RIGHTS, POLICY))


def _width(lines: Iterable[MeasuredLine]) -> int:
    return sum(line.width for line in lines)


def _share(part: Iterable[MeasuredLine], whole: Iterable[MeasuredLine], empty: float = 0.0) -> float:
    total = _width(whole)
    return _width(part) / total if total else empty
