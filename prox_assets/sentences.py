"""Where sentences end, in any script.

The one list of terminal marks of the project. What published filters count as an end (C4's four marks)
stays as published, in `baselines`.
"""

import re

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
