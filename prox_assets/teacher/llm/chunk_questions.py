"""The chunk stage: programs for each family of noise, or the clean chunk to align."""

from functools import partial

from prox_assets.chunking import Chunk, numbered
from prox_assets.config import LlmTeacher
from prox_assets.programs import Program, Refused, Stage, keep_chunk, parse
from prox_assets.programs.rendering import lark_grammar
from prox_assets.teacher.alignment import program_from_rewrite
from prox_assets.teacher.llm.prompts import FAMILIES, Prompts
from prox_assets.teacher.llm.questions import BrokenAnswerError, Completion, Question

NOTHING = "<nothing/>"
_MAX_CALLS = 64


def chunk_questions(text: str, chunk: Chunk, prompts: Prompts, section: LlmTeacher) -> list[Question]:
    """What is asked of one chunk: a program a noise family, or one rewrite."""
    if section.chunk_mode == "rewrite":
        source = text[chunk.start : chunk.stop]
        return [Question(prompts["rewrite"], source, partial(rewritten, source))]
    grammar = None
    if section.constrained == "grammar":
        grammar = lark_grammar(Stage.CHUNK, range(chunk.line_start, chunk.line_stop), max_calls=_MAX_CALLS)
    shown = f"Text:\n{numbered(text, chunk)}\nProgram:"
    return [Question(prompts[family], shown, called, grammar=grammar) for family in FAMILIES]


def chunk_answers(text: str, chunk: Chunk, answers: list[Completion], section: LlmTeacher) -> list[Program]:
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
