r"""Span rules: noise inside a line of content.

Citation and edit marks (C4), long addresses and trailing share text (ProX's families of noise), and
bracketed or short pieces that the line rules would call noise if they stood in a line of their own.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from prox_assets.sentences import CLOSING_MARKS, OWN_MARKS, SPACED_MARKS
from prox_assets.teacher.judging import BIAS
from prox_assets.teacher.language import Lexicon, words_of
from prox_assets.teacher.line_rules import evidence
from prox_assets.teacher.lines import measure
from prox_assets.teacher.marks import Span

_MARK = re.compile(
    r"\s?\[(?:\d+|citation needed|来源请求)\]"
    r"|\s?\[(?:edit|show|hide|source|bearbeiten|quelltext|anzeigen|verbergen|编辑|編輯|显示|隐藏)[^\[\]]{0,30}\]"
    r"|\s?[¶↑↓]|(?<=\w)\s?[#§]\d*$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\s?[(<\[（]?\s?(?:https?://|www\.)[^\s()<>\[\]（）]{20,}[)>\]）]?")
_SCRIPT = re.compile(r"\s?\(?\w+ ?= ?window\.\S+[^;]*;?|\s?\(function\(.*?\}\)\([^)]*\);?")
_BRACKETED = re.compile(r"\s?(?:\[[^\[\]]{1,80}\]|\([^()]{1,80}\)|【[^【】]{1,80}】|（[^（）]{1,80}）)")
_SENTENCE = re.compile(
    rf"(?<=[{SPACED_MARKS}])\s+(?=\S)|(?<=[{OWN_MARKS}])\s*(?=[^\s{OWN_MARKS}{CLOSING_MARKS}])"
)
_MAX_PIECE = 80
# Evidence that a piece must reach to be noise: more than shortness alone gives it.
PIECE_EVIDENCE = 1.5


def noise_spans(line: str, lexicon: Lexicon) -> list[Span]:
    """Half-open spans of noise inside a line of content, in order and apart; never the whole line."""
    found = sorted(_all(line, lexicon))
    merged: list[Span] = []
    for start, stop in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    rest = len(line.strip()) - sum(stop - start for start, stop in merged)
    return merged if rest > 0 else []


def _all(line: str, lexicon: Lexicon) -> Iterator[Span]:
    for pattern in (_MARK, _ADDRESS, _SCRIPT):
        yield from (match.span() for match in pattern.finditer(line))
    for match in _BRACKETED.finditer(line):
        inside = match.group().strip()[1:-1]
        if words_of(inside) and _is_noise(inside, lexicon):
            yield match.span()
    yield from _pieces(line, lexicon)


def _pieces(line: str, lexicon: Lexicon) -> Iterator[Span]:
    """Short pieces between sentence ends that would be noise on their own, with the space before them."""
    cuts = [0, *(match.start() for match in _SENTENCE.finditer(line)), len(line)]
    for start, stop in pairwise(cuts):
        piece = line[start:stop].strip()
        if piece and len(piece) <= _MAX_PIECE and _is_noise(piece, lexicon):
            yield start, stop


def _is_noise(piece: str, lexicon: Lexicon) -> bool:
    return evidence(measure(piece, lexicon), BIAS) >= PIECE_EVIDENCE
