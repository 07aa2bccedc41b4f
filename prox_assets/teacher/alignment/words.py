"""The words of a text as alignment compares them: case, width, quotes, white space and marks do not count."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from prox_assets.sentences import SENTENCE_BREAK

# A character is a word where words are not set apart by spaces: Thai, Lao, Khmer, Tibetan, kana, Han, Yi.
_UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u2fff\u3005-\u3007"
    r"\u3021-\u3029\u3031-\u303c\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uaa60-\uaa7f"
    r"\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_LAST_SPACED = "\u0dff"
_MARKS = r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])+|[{_UNSPACED}]")
_SENTENCE = re.compile(rf"{SENTENCE_BREAK.pattern}|\s+[|·•–—»]\s+|\t+")
_FOLDS = str.maketrans("‘’‚‛′`´“”„‟″«»‹›‐‑‒–—―−\u00a0\u3000\t", "'''''''\"\"\"\"\"\"\"''-------   ")


class Word(NamedTuple):
    """One word: its characters `[start, stop)`, how it compares, its line and its sentence in the text."""

    start: int
    stop: int
    form: str
    line: int
    sentence: int

    @property
    def is_letter(self) -> bool:
        """Whether it is a letter of an unspaced script."""
        return len(self.form) == 1 and self.form > _LAST_SPACED

    @property
    def weight(self) -> float:
        """How much a match of it says: a letter of an unspaced script and a short word say little."""
        return 0.4 if self.stop - self.start == 1 else 0.6 if self.stop - self.start < 4 else 1.0


def words_of(text: str, start: int = 0, stop: int | None = None) -> list[Word]:
    """The words of `text[start:stop]`, lines and sentences counted from 0 there; offsets are the text's."""
    words: list[Word] = []
    sentence = 0
    at = start
    for line, content in enumerate(text[start:stop].split("\n")):
        ends = [match.end() + at for match in _SENTENCE.finditer(content)]
        passed = 0
        for match in _WORD.finditer(content):
            begin = match.start() + at
            while passed < len(ends) and ends[passed] <= begin:
                passed += 1
            words.append(Word(begin, match.end() + at, _form(match.group()), line, sentence + passed))
        sentence += len(ends) + 1
        at += len(content) + 1
    return words


@lru_cache(maxsize=65_536)
def _form(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()


def folded(text: str) -> str:
    """The text with quotes, dashes and spaces alike, character by character: offsets stay."""
    return text.translate(_FOLDS)
