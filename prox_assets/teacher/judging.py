"""Judging a document's lines: measures, evidence, and the probability that each is noise."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prox_assets.teacher.blocks import Block, blocks
from prox_assets.teacher.context import Chain, Placement, noise_probabilities, placed
from prox_assets.teacher.language import Lexicon, language_of, lexicon
from prox_assets.teacher.line_rules import block_evidence, evidence
from prox_assets.teacher.lines import Line, measure
from prox_assets.teacher.repetition import SharedLines

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
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    noise: tuple[float, ...]

    def is_noise(self, number: int) -> bool:
        """Whether the rules call a line noise."""
        return self.noise[number] > NOISE_THRESHOLD

    def content(self, in_blocks: bool = True) -> list[Line]:
        """The visible lines that are not noise; on demand without those of blocks."""
        return [self.lines[number] for number in self._visible(in_blocks) if not self.is_noise(number)]

    def visible(self, in_blocks: bool = True) -> list[Line]:
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


def _evidence(lines: Sequence[Line], unit: int | Block) -> float:
    if isinstance(unit, Block):
        return block_evidence(unit.kind, [lines[number] for number in unit.lines], BIAS)
    return evidence(lines[unit], BIAS)
