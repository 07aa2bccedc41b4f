"""Languages and scripts: what a line is made of where there are no spaces, and which lists of words apply."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

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
_LETTER = re.compile(r"[^\W\d_]")
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
    text = (resources.files("prox_assets.teacher") / "words" / name).read_text("utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(" ".join(kept).lower().split())
