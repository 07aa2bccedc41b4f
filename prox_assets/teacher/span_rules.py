r"""Span rules: noise inside a line of content.

Citation and edit marks (C4), long addresses and trailing share text (ProX's families of noise), and bracketed
or trailing pieces that the line rules would call noise if they stood in a line of their own.
"""

import re
from collections.abc import Iterator

from prox_assets.teacher.language import Lexicon
from prox_assets.teacher.line_rules import evidence
from prox_assets.teacher.lines import measure
from prox_assets.teacher.marks import Span

_MARK = re.compile(
    r"\s?\[(?:\d+|edit(?: \| edit source)?|citation needed|bearbeiten(?: \| quelltext bearbeiten)?)\]"
    r"|\s?\[(?:编辑|編輯|源代码|来源请求)\]"
    r"|\s?[¶↑↓]",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\s?[(<\[（]?\s?(?:https?://|www\.)[^\s()<>\[\]（）]{20,}[)>\]）]?")
_SCRIPT = re.compile(r"\s?\(?\w+ ?= ?window\.\S+[^;]*;?|\s?\(function\(.*?\}\)\([^)]*\);?")
_BRACKETED = re.compile(r"\s?(?:\[[^\[\]]{1,80}\]|\([^()]{1,80}\)|【[^【】]{1,80}】|（[^（）]{1,80}）)")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=\S)|(?<=[。！？])\s*(?=\S)")
_MAX_PIECE = 80
# Evidence that a piece must reach to be noise: more than shortness alone gives (about 1).
PIECE_EVIDENCE = 1.8
_BIAS = -0.8


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
        if _is_noise(match.group().strip()[1:-1], lexicon):
            yield match.span()
    yield from _tail(line, lexicon)


def _tail(line: str, lexicon: Lexicon) -> Iterator[Span]:
    """Pieces behind the last sentences that would be noise on their own, with the space before them."""
    stop = len(line)
    for cut in reversed([match.start() for match in _SENTENCE.finditer(line)]):
        piece = line[cut:stop].strip()
        if len(piece) > _MAX_PIECE or not _is_noise(piece, lexicon):
            return
        yield cut, stop
        stop = cut


def _is_noise(piece: str, lexicon: Lexicon) -> bool:
    return evidence(measure(piece, lexicon), _BIAS) >= PIECE_EVIDENCE
