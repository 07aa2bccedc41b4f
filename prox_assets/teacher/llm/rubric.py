"""The document stage: two rubrics, an answer each, strictly read."""

import json
import re
from dataclasses import dataclass

from prox_assets.config import LlmTeacher
from prox_assets.teacher.llm.prompts import RUBRICS, Prompts
from prox_assets.teacher.llm.questions import BrokenAnswerError, Completion, Question

HIGHEST = 5
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "justification": {"type": "string", "maxLength": 1200},
            "score": {"type": "integer", "minimum": 0, "maximum": HIGHEST},
        },
        "required": ["justification", "score"],
        "additionalProperties": False,
    }
)
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_TRAILER = re.compile(r"score\W{0,4}\s*(\d+(?:\.\d+)?)\s*(?:/\s*5)?\W*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A score from 0 to 5 and the words for it."""

    score: float
    justification: str


def judgement(completion: Completion) -> Judgement:
    """Read an answer: one JSON object, fenced or among words, or a text that ends in `… score: 3`.

    Raises BrokenAnswerError where there is no score, or it is not from 0 to 5.
    """
    text = completion.text.strip()
    found = _from_json(text) or _from_trailer(text)
    if found is None:
        raise BrokenAnswerError(f"no score can be read from {text[:80]!r}")
    if not 0 <= found.score <= HIGHEST:
        raise BrokenAnswerError(f"the score {found.score:g} is not from 0 to {HIGHEST}")
    return found


def rubric_questions(text: str, prompts: Prompts, section: LlmTeacher) -> list[Question]:
    """The questions on one document, one a rubric; of a long one its beginning is shown, and so is said."""
    shown = text[: section.max_document_chars]
    if len(shown) < len(text):
        shown += (
            f"\n\n[The document goes on; these are its first {len(shown):,} of {len(text):,} characters.]"
        )
    schema = None if section.constrained == "none" else SCHEMA
    return [Question(prompts[name], shown, judgement, json_schema=schema) for name in RUBRICS]


def _from_json(text: str) -> Judgement | None:
    match = _OBJECT.search(text)
    try:
        value = json.loads(match.group()) if match else None
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    score = value.get("score")
    if isinstance(score, str) and re.fullmatch(r"\d+(\.\d+)?", score):
        score = float(score)
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    return Judgement(float(score), str(value.get("justification", "")))


def _from_trailer(text: str) -> Judgement | None:
    match = _TRAILER.search(text)
    return Judgement(float(match[1]), text[: match.start()].strip()) if match else None
