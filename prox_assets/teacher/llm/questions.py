"""Questions to a language model: two rubrics for documents, programs or a clean rewrite for chunks."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Protocol

from prox_assets.chunking import Chunk, numbered
from prox_assets.config import LlmTeacherSection
from prox_assets.errors import CatalogueError, TeacherError
from prox_assets.programs import Program, Refused, Stage, keep_chunk, parse
from prox_assets.programs.rendering import lark_grammar, prompt_text
from prox_assets.teacher.alignment import program_from_rewrite


class BrokenAnswerError(TeacherError):
    """An answer that cannot be used; the question is asked again."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer; `finished` is False where it was cut off at the most tokens allowed."""

    text: str
    tokens_in: int
    tokens_out: int
    finished: bool = True

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class Failure:
    """A question without a usable answer, and why."""

    reason: str


Answer = Completion | Failure


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and the form of its answer: at most one of a Lark grammar and a JSON schema.

    `accepts` raises BrokenAnswerError for an answer that cannot be used; it is no part of the question's
    identity.
    """

    system: str
    user: str
    accepts: Callable[[Completion], object] = field(compare=False, repr=False)
    grammar: str | None = None
    json_schema: str | None = None

    def key(self, sampling: str) -> str:
        """What an answer is cached under; `sampling` names the model and its settings."""
        parts = [sampling, self.system, self.user, self.grammar, self.json_schema]
        return blake2b(json.dumps(parts).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()


Done = Callable[[Question, Answer], None]


class Backend(Protocol):
    """Answers questions, several at once.

    `run` takes questions from `pending` until it ends, calls `seen` for each completion, usable or not, and
    `done` once for every question that it took, from one thread. A question whose answer is broken, or whose
    server fails in a way that passes, is asked again; after that its answer is a Failure. It raises
    TeacherError only when no question can be answered (a wrong key, no such model, a dead server).
    """

    def run(self, pending: Iterator[Question], seen: Callable[[Completion], None], done: Done) -> None:
        """Answer questions until there are no more."""
        ...

    def close(self) -> None:
        """Give back connections or memory."""
        ...


VERSION = "1"
RUBRICS = ("educational", "format")
FAMILIES = ("navigation", "links", "footers")
_NAMES = (*RUBRICS, *FAMILIES, "rewrite")


@dataclass(frozen=True, slots=True)
class Prompts:
    """The text of each prompt by name; `{calls}` is what the registry says of the calls."""

    texts: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path | None) -> "Prompts":
        """The project's prompts, those replaced that `folder` has a file `<name>.txt` for.

        Raises:
            CatalogueError: the folder is not there, or holds none of the prompts.
        """
        own = resources.files("prox_assets.teacher") / "prompts"
        texts = {name: (own / f"{name}.txt").read_text(encoding="utf-8") for name in _NAMES}
        if folder is not None:
            replaced = {name: folder / f"{name}.txt" for name in _NAMES if (folder / f"{name}.txt").is_file()}
            if not replaced:
                raise CatalogueError(
                    f"{folder} holds none of {', '.join(f'{name}.txt' for name in _NAMES)}; correct "
                    "teacher.prompts or leave it out."
                )
            texts |= {name: path.read_text(encoding="utf-8") for name, path in replaced.items()}
        calls = prompt_text(Stage.CHUNK)
        return cls({name: text.replace("{calls}", calls).strip() for name, text in texts.items()})

    def __getitem__(self, name: str) -> str:
        return self.texts[name]

    @property
    def hash(self) -> str:
        """Of all texts, the calls that they describe included."""
        joined = "\0".join(f"{name}\0{self.texts[name]}" for name in sorted(self.texts))
        return blake2b(f"{VERSION}\0{joined}".encode(), digest_size=8).hexdigest()


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


def rubric_questions(text: str, prompts: Prompts, section: LlmTeacherSection) -> list[Question]:
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


NOTHING = "<nothing/>"
_MAX_CALLS = 64


def chunk_questions(text: str, chunk: Chunk, prompts: Prompts, section: LlmTeacherSection) -> list[Question]:
    """What is asked of one chunk: a program a noise family, or one rewrite."""
    if section.chunk_mode == "rewrite":
        source = text[chunk.start : chunk.stop]
        return [Question(prompts["rewrite"], source, partial(rewritten, source))]
    grammar = None
    if section.constrained == "grammar":
        grammar = lark_grammar(Stage.CHUNK, range(chunk.line_start, chunk.line_stop), max_calls=_MAX_CALLS)
    shown = f"Text:\n{numbered(text, chunk)}\nProgram:"
    return [Question(prompts[family], shown, called, grammar=grammar) for family in FAMILIES]


def chunk_answers(
    text: str, chunk: Chunk, answers: list[Completion], section: LlmTeacherSection
) -> list[Program]:
    """The program of each answer."""
    if section.chunk_mode == "calls":
        return [called(answer) for answer in answers]
    source = text[chunk.start : chunk.stop]
    return [
        program_from_rewrite(text, chunk, rewritten(source, answer), section.replacements)
        for answer in answers
    ]


def called(completion: Completion) -> Program:
    """The program in an answer; words around it are passed over.

    Raises BrokenAnswerError where there is no call at all, readable or not.
    """
    program = parse(completion.text, Stage.CHUNK)
    if not program.calls and all(one.code is Refused.UNKNOWN_FORM for one in program.refusals):
        raise BrokenAnswerError(f"no call can be read from {completion.text.strip()[:80]!r}")
    return program if program.calls else Program((keep_chunk(),), program.refusals)


def rewritten(source: str, completion: Completion) -> str:
    """The clean chunk in an answer.

    Raises BrokenAnswerError where the answer was cut off, which would delete the rest of the chunk, where it
    is empty without saying that nothing is worth keeping, and where it is twice as long as the chunk.
    """
    if not completion.finished:
        raise BrokenAnswerError("the rewrite was cut off; raise max_output_tokens or lower chunk_chars")
    text = completion.text
    if text.strip() == NOTHING:
        return ""
    if not text.strip():
        raise BrokenAnswerError("the rewrite is empty")
    if len(text) > 2 * len(source) + 200:
        raise BrokenAnswerError("the rewrite is more than twice as long as the chunk")
    return text
