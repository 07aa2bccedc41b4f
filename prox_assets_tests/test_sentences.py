"""The one list of terminal marks, and that all who ask for sentence ends go by it."""

import re
import unicodedata

import pytest

from prox_assets.chunking import chunk_lines
from prox_assets.evaluation.baselines import _ENDS_SENTENCE
from prox_assets.languages import OWN_MARKS, SENTENCE_BREAK, SENTENCE_END, lexicon, marks_sentence_ends
from prox_assets.teacher.alignment.matching import words_of
from prox_assets.teacher.rules.line_rules import measure

TIBETAN = "\u0f08\u0f0d\u0f0e\u0f0f\u0f10\u0f11\u0f12"
MARKS = ".!?。！？؟۔।॥։።།။។᠃꓿"


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_ends_a_line_for_all_who_ask(mark: str) -> None:
    for line in (f"wa wa{mark}", f"wa wa{mark}”", f"wa wa{mark}\u200f", f"wa wa{mark} )"):
        assert SENTENCE_END.search(line)
        assert measure(line, lexicon(None)).ends_sentence
        assert _ENDS_SENTENCE.search(line)


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_breaks_a_text_for_all_who_cut(mark: str) -> None:
    text = f"wa wa{mark} wo wo wo wo"
    end = len(f"wa wa{mark}") + (mark in ".!?")
    (found,) = SENTENCE_BREAK.finditer(text)
    assert found.end() == end
    assert chunk_lines(text, range(len(text)), 16)[0].stop == end
    assert [word.sentence for word in words_of(text) if text[word.start] == "w"] == [0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("line", ["wa wa", "wa 3.14 wa", "wa,", "wa:", "wa…", ""])
def test_other_lines_end_no_sentence(line: str) -> None:
    assert not SENTENCE_END.search(line)


def test_the_list_is_unicode_s() -> None:
    regex = pytest.importorskip("regex")
    characters = "".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x110000)]))
    known = {found for found in re.findall(f"[{OWN_MARKS}]", characters) if found not in TIBETAN}
    theirs = set(regex.findall(r"\p{Sentence_Terminal}", characters))
    assert theirs <= known, "regex has a newer Unicode than the list"
    assert all(unicodedata.category(found) == "Cn" for found in known - theirs)


@pytest.mark.parametrize(
    ("text", "expected"), [("มนุษย์ทั้งปวง", False), ("ມະນຸດທຸກຄົນ", False), ("Menschen ๑", True)]
)
def test_scripts_without_a_mark_are_known(text: str, expected: bool) -> None:
    assert marks_sentence_ends(text) is expected
