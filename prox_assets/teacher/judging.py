"""Judging a document's lines: measures, evidence, and the probability that each is noise."""

from collections import Counter
from dataclasses import dataclass

from prox_assets.teacher.context import Chain, Placement, noise_probabilities, placed
from prox_assets.teacher.language import Lexicon, language_of, lexicon
from prox_assets.teacher.line_rules import evidence
from prox_assets.teacher.lines import Line, measure
from prox_assets.teacher.repetition import SharedLines

# What a line is before any rule speaks, in log-odds of noise: content is likelier.
BIAS = -0.6
NOISE_THRESHOLD = 0.5
_CHAIN = Chain()
_PLACEMENT = Placement()


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """A document's lines and the probability of each to be noise, (lines,)."""

    lexicon: Lexicon
    lines: tuple[Line, ...]
    noise: tuple[float, ...]

    def is_noise(self, number: int) -> bool:
        """Whether the rules call a line noise."""
        return self.noise[number] > NOISE_THRESHOLD

    def content(self) -> list[Line]:
        """The visible lines that are not noise."""
        pairs = enumerate(self.lines)
        return [line for number, line in pairs if not line.is_blank and not self.is_noise(number)]

    def visible(self) -> list[Line]:
        """All lines that are not blank."""
        return [line for line in self.lines if not line.is_blank]


def judged(text: str, language: str | None, shared: SharedLines, site: str) -> JudgedDocument:
    """Judge every line of a document."""
    words = lexicon(language_of(text, language))
    raw = text.split("\n")
    repeats = Counter(line.strip() for line in raw)
    lines = tuple(measure(line, words, repeats[line.strip()], shared.share(site, line)) for line in raw)
    own = [evidence(line, BIAS) for line in lines]
    return JudgedDocument(words, lines, tuple(noise_probabilities(placed(own, _PLACEMENT), _CHAIN)))
