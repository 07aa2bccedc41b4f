"""What the line rules look at: one line of a document, measured once."""

import re
from dataclasses import dataclass

from prox_assets.teacher.language import Lexicon, n_unspaced, words_of

# A Chinese word is about 1.6 characters and says what about 3 Latin letters per character say: the published
# limits in words and characters are for spaced scripts, so lines of the others are counted in these units.
CHARACTERS_PER_UNSPACED_WORD = 1.6
LATIN_CHARACTERS_PER_UNSPACED = 3

TERMINAL = re.compile(r"""[.!?。！？؟।…:：;；]["'”’»」』)\]）]*$|[,，"”」』]$""")
SENTENCE_END = re.compile(r"""[.!?。！？؟।]["'”’»」』)\]）]*$""")
URL = re.compile(r"(?:https?://|www\.)\S+|\b[\w.-]+\.(?:com|org|net|de|cn|html?|php)(?:/\S*)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_VISIBLE = re.compile(r"\S")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its measures; `width` in Latin-equivalent characters, `n_words` in words, numbers included.

    `stop_density` is None where no stop-word list applies. `repeats` is how often the line stands in its
    document, `document_share` the share of the source's documents that hold it (0 if unknown).
    """

    text: str
    lower: str
    words: tuple[str, ...]
    n_words: float
    width: int
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


def measure(raw: str, lexicon: Lexicon, repeats: int = 1, document_share: float = 0.0) -> Line:
    """Measure a line with the word lists of its document's language."""
    text = raw.strip()
    words = tuple(words_of(text))
    unspaced = n_unspaced(text)
    n_words = len(words) + len(_NUMBER.findall(text)) - unspaced + unspaced / CHARACTERS_PER_UNSPACED_WORD
    visible = max(1, len(_VISIBLE.findall(text)))
    return Line(
        text=text,
        lower=text.lower(),
        words=words,
        n_words=n_words,
        width=len(text) + (LATIN_CHARACTERS_PER_UNSPACED - 1) * unspaced,
        stop_density=_stop_density(words, n_words, lexicon),
        chrome_density=_chrome_density(text, words, n_words, lexicon),
        url_share=sum(len(match) for match in URL.findall(text)) / visible,
        digit_share=len(_DIGIT.findall(text)) / visible,
        repeats=repeats,
        document_share=document_share,
    )


def _stop_density(words: tuple[str, ...], n_words: float, lexicon: Lexicon) -> float | None:
    if lexicon.language is None:
        return None
    return sum(word in lexicon.stop_words for word in words) / n_words if n_words else 0.0


def _chrome_density(text: str, words: tuple[str, ...], n_words: float, lexicon: Lexicon) -> float:
    if not n_words:
        return 0.0
    if lexicon.language == "zh":
        found = sum(term in text for term in lexicon.chrome_words)
    else:
        found = sum(word in lexicon.chrome_words for word in words)
    return min(1.0, found / n_words)
