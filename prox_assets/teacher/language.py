"""Languages and scripts: what a line is made of where there are no spaces, and which lists of words apply."""

import re
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
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(rf"[{HAN}{_KANA}]|(?:(?![{HAN}{_KANA}])[^\W\d_])+(?:['’-][^\W\d_]+)*")
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
    """Words in lower case; each Han or kana character is a word of its own, numbers are none."""
    return [word.lower() for word in _WORD.findall(text)]


def n_unspaced(text: str) -> int:
    """Number of characters of scripts that write without spaces (Han, kana)."""
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
