"""What the line rules look at: one line of a document, measured once."""

import re
from dataclasses import dataclass

from prox_assets.sentences import SENTENCE_END, marks_sentence_ends
from prox_assets.teacher.language import Lexicon, latin_width, n_words, words_of

URL = re.compile(r"(?:https?://|www\.)\S+|\b[\w.-]+\.(?:com|org|net|de|cn|html?|php)(?:/\S*)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_VISIBLE = re.compile(r"\S")
_DIGIT = re.compile(r"\d")
# A line of that width before one in lower case is a text that was wrapped at a column.
_WRAPPED_WIDTH = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its measures; `width` in Latin-equivalent characters, `n_words` in words, numbers included.

    `ends_sentence` is None where the line's script has no mark for that or its sentence goes on in the next
    line, `stop_density` where no stop-word list applies: rules that go by them abstain. `repeats` is how
    often the line stands in its document, `document_share` the share of the source's documents that hold it
    (0 if unknown).
    """

    text: str
    lower: str
    words: tuple[str, ...]
    n_words: float
    width: int
    ends_sentence: bool | None
    stop_density: float | None
    chrome_density: float
    url_share: float
    digit_share: float
    repeats: int
    document_share: float

    @property
    def is_blank(self) -> bool:
        """Whether nothing is visible in the line."""
        return not self.text


def measure(
    raw: str, lexicon: Lexicon, repeats: int = 1, document_share: float = 0.0, following: str = ""
) -> Line:
    """Measure a line with the word lists of its document's language; `following` is the next line."""
    text = raw.strip()
    words = tuple(words_of(text))
    count = n_words(text, words) + len(_NUMBER.findall(text))
    visible = max(1, len(_VISIBLE.findall(text)))
    return Line(
        text=text,
        lower=text.lower(),
        words=words,
        n_words=count,
        width=latin_width(text),
        ends_sentence=_ends_sentence(text, following),
        stop_density=_stop_density(words, count, lexicon),
        chrome_density=_chrome_density(text, words, count, lexicon),
        url_share=sum(len(match) for match in URL.findall(text)) / visible,
        digit_share=len(_DIGIT.findall(text)) / visible,
        repeats=repeats,
        document_share=document_share,
    )


def _ends_sentence(text: str, following: str) -> bool | None:
    if SENTENCE_END.search(text):
        return True
    wrapped = len(text) >= _WRAPPED_WIDTH and following.lstrip()[:1].islower()
    return None if wrapped or not marks_sentence_ends(text) else False


def _stop_density(words: tuple[str, ...], count: float, lexicon: Lexicon) -> float | None:
    if lexicon.language is None:
        return None
    return sum(word in lexicon.stop_words for word in words) / count if count else 0.0


def _chrome_density(text: str, words: tuple[str, ...], count: float, lexicon: Lexicon) -> float:
    if not count:
        return 0.0
    if lexicon.language == "zh":
        found = sum(term in text for term in lexicon.chrome_words)
    else:
        found = sum(word in lexicon.chrome_words for word in words)
    return min(1.0, found / count)
