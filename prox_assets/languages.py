"""Languages and scripts: where sentences end, what a line is made of without spaces, and lists of words.

The one list of terminal marks of the project. What published filters count as an end (C4's four marks)
stays as published, in `baselines`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

SPACED_MARKS = ".!?…"
"""Marks that end a sentence only before white space or the end of a line: `3.14` is one number."""

OWN_MARKS = (
    r"\u0589\u061d-\u061f\u06d4\u0700-\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965\u104a\u104b\u1362"
    r"\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u1803\u1809\u1944\u1945\u1aa8-\u1aab\u1b4e\u1b4f\u1b5a\u1b5b"
    r"\u1b5e\u1b5f\u1b7d-\u1b7f\u1c3b\u1c3c\u1c7e\u1c7f\u2024\u203c\u203d\u2047-\u2049\u2cf9-\u2cfb\u2e2e"
    r"\u2e3c\u2e53\u2e54\u2e60\u2e61\u3002\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8"
    r"\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb\ufe12\ufe15\ufe16\ufe52\ufe56\ufe57\uff01\uff0e\uff1f\uff61"
    r"\U00010a56\U00010a57\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047\U00011048"
    r"\U000110be-\U000110c1\U00011141-\U00011143\U000111c5\U000111c6\U000111cd\U000111de\U000111df"
    r"\U00011238\U00011239\U0001123b\U0001123c\U000112a9\U000113d4\U000113d5\U0001144b\U0001144c\U000115c2"
    r"\U000115c3\U000115c9-\U000115d7\U00011641\U00011642\U0001173c-\U0001173e\U00011944\U00011946"
    r"\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41\U00011c42\U00011ef7\U00011ef8\U00011f43\U00011f44"
    r"\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016d6e\U00016d6f\U00016e98\U0001bc9f"
    r"\U0001da88"
    r"\u0f08\u0f0d-\u0f12"
)
"""Marks that end a sentence wherever they stand, as the inside of a character class.

All of `Sentence_Terminal` (Unicode 17, PropList.txt) outside ASCII, and the Tibetan shads, which Unicode has
under `Terminal_Punctuation` only because they end clauses too.
"""

CLOSING_MARKS = r"\"'”’»›」』）)\]〉》】〕｣〞"
"""Quotes and brackets that may stand between a mark and the end of its sentence, for a character class."""

# Two Ethiopic word separators typed for the full stop. Invisible: directions, joiners, zero-width spaces.
_INVISIBLE = r"\s\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
SENTENCE_END = re.compile(rf"(?:[.!?{OWN_MARKS}]|\u1361\u1361)[{CLOSING_MARKS}{_INVISIBLE}]*$")
"""The end of a line that ends a sentence; an ellipsis ends none, it may be a text that was cut off."""

SENTENCE_BREAK = re.compile(
    rf"(?<![{SPACED_MARKS}])[{SPACED_MARKS}]++[\"'”’»)\]]*+\s++|(?<![{OWN_MARKS}])[{OWN_MARKS}]++[”’」』）]*+"
)
"""The ends of sentences inside a text, with what belongs to them: closing marks, and spaces after them."""

# Thai, Lao, Tai Le, New Tai Lue and Tai Viet: a space or a new line ends a sentence, no mark does.
_UNMARKED_LETTER = re.compile(r"[\u0e01-\u0e3a\u0e40-\u0eff\u1950-\u19df\uaa80-\uaadf]")
_LETTER = re.compile(r"[^\W\d_]")


def marks_sentence_ends(text: str) -> bool:
    """Whether the script of most letters of a text has a mark for the end of a sentence."""
    unmarked = len(_UNMARKED_LETTER.findall(text))
    return not unmarked or 2 * unmarked < len(_LETTER.findall(text))


LANGUAGES = ("en", "de", "zh")
_NAMES = {"eng": "en", "english": "en", "deu": "de", "ger": "de", "german": "de"} | dict.fromkeys(
    ("zho", "chi", "cmn", "chinese"), "zh"
)
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KANA = r"\u3040-\u30ff"
_HAN = re.compile(f"[{HAN}]")
_KANA_CHARACTER = re.compile(f"[{_KANA}]")
# Letters of other scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, those of the Tai.
_UNSPACED = (
    r"\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u0f00"
    r"\u0f40-\u0f6c\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u1950-\u19af\u1a20-\u1a54\ua9e0-\ua9ef"
    r"\uaa60-\uaa76\uaa80-\uaaaf"
)
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
# Hangul and Ethiopic write a syllable with one sign.
_SYLLABLE = re.compile(r"[\u1200-\u135a\uac00-\ud7a3]")
# Vowel signs and other marks of letters, which Python's \w leaves out: they split no word.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f"
    r"\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09d7\u0a01-\u0a03\u0a3c-\u0a51\u0a70-\u0a75\u0a81-\u0a83"
    r"\u0abc-\u0acd\u0b01-\u0b03\u0b3c-\u0b57\u0b82\u0bbe-\u0bd7\u0c00-\u0c04\u0c3c-\u0c56\u0c81-\u0c83"
    r"\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d81-\u0d83\u0dca-\u0ddf\u135d-\u135f\u200c\u200d"
)
_ALONE = f"{HAN}{_KANA}{_UNSPACED}"
_WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])[^\W\d_][{_MARKS}]*)+(?:['’-](?:[^\W\d_][{_MARKS}]*)+)*")
# Characters that make a word in running text: Chinese about 1.6, letters of the South-East Asian scripts 3.
_CHARACTERS_PER_IDEOGRAPHIC_WORD = 1.6
_CHARACTERS_PER_UNSPACED_WORD = 3.0
_MIN_HAN_SHARE = 0.2
_MAX_KANA_SHARE = 0.05
_MIN_STOP_DENSITY = 0.08
_SAMPLE_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Function words and the vocabulary of page chrome of one language; empty for unknown languages."""

    language: str | None
    stop_words: frozenset[str]
    chrome_words: frozenset[str]


def words_of(text: str) -> list[str]:
    """Words in lower case; each letter of a script without spaces is a word of its own, numbers are none."""
    return [word.lower() for word in _WORD.findall(text)]


def n_words(text: str, words: Sequence[str]) -> float:
    """How many words a text has, `words` being its `words_of`; estimated from letters in unspaced scripts."""
    if text.isascii():
        return len(words)
    ideographs, letters = n_ideographs(text), len(_UNSPACED_LETTER.findall(text))
    return (
        len(words)
        - ideographs * (1 - 1 / _CHARACTERS_PER_IDEOGRAPHIC_WORD)
        - letters * (1 - 1 / _CHARACTERS_PER_UNSPACED_WORD)
    )


def latin_width(text: str) -> int:
    """Length of a text in characters of Latin script that say as much.

    An ideograph or kana counts as 3 letters, a sign for a syllable as 2: the first article of the Universal
    Declaration of Human Rights has 170 characters in English, 43 in Chinese, 87 in Korean, 85 in Amharic.
    """
    if text.isascii():
        return len(text)
    return len(text) + 2 * n_ideographs(text) + len(_SYLLABLE.findall(text))


def n_ideographs(text: str) -> int:
    """Number of Han and kana characters."""
    return len(_HAN.findall(text)) + len(_KANA_CHARACTER.findall(text))


@cache
def lexicon(language: str | None) -> Lexicon:
    """The word lists of a language of LANGUAGES; empty lists for any other."""
    if language not in LANGUAGES:
        return Lexicon(None, frozenset(), frozenset())
    return Lexicon(language, _words_in(f"{language}.txt"), _words_in(f"chrome.{language}.txt"))


def language_of(text: str, declared: str | None = None) -> str | None:
    """The language of LANGUAGES that a text is in, else None.

    The script decides on Chinese (kana makes it Japanese); between languages of one script the more frequent
    stop words do. A declared language outside LANGUAGES is believed.
    """
    if declared:
        code = re.split(r"[-_]", declared.lower())[0]
        code = _NAMES.get(code, code)
        return code if code in LANGUAGES else None
    sample = text[:_SAMPLE_CHARACTERS]
    letters = max(1, len(_LETTER.findall(sample)))
    if len(_HAN.findall(sample)) / letters >= _MIN_HAN_SHARE:
        return None if len(_KANA_CHARACTER.findall(sample)) / letters > _MAX_KANA_SHARE else "zh"
    return _by_stop_words(words_of(sample))


def _by_stop_words(words: list[str]) -> str | None:
    density = {
        language: sum(word in lexicon(language).stop_words for word in words) / max(1, len(words))
        for language in ("en", "de")
    }
    best = max(density, key=lambda language: density[language])
    return best if density[best] >= _MIN_STOP_DENSITY else None


def _words_in(name: str) -> frozenset[str]:
    text = (resources.files("prox_assets") / "words" / name).read_text("utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(" ".join(kept).lower().split())
