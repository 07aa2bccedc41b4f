"""The LLM teacher: seeds in, questions asked, answers validated, annotations out."""

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.chunking import Chunk, chunk_lines, whole
from prox_assets.config import LlmTeacherSection as Section
from prox_assets.inference import EngineSettings
from prox_assets.teacher.annotations import (
    Signature,
    chunk_table,
    document_row,
    document_table,
    merged,
    silent_chunk_row,
    validated_chunk_row,
)
from prox_assets.teacher.interface import ANNOTATED, FAILED, LabelRule
from prox_assets.teacher.llm.asking import AnnotationEstimate, AnswerCache, Asker, Report, Spending, estimated
from prox_assets.teacher.llm.backends import Endpoint, InProcess
from prox_assets.teacher.llm.questions import (
    FAMILIES,
    RUBRICS,
    Answer,
    Completion,
    Failure,
    Prompts,
    Question,
    chunk_answers,
    chunk_questions,
    judgement,
    rubric_questions,
)

CACHE_FILE = "answers.sqlite"
_SEEDS_APART = 1_000_003
_ANSWER_TOKENS = {"documents": 120.0, "calls": 60.0}  # assumed until the cache knows better
_DECIDING = (
    *("model", "chunk_mode", "replacements", "constrained", "chunk_chars", "max_document_chars"),
    *("max_removed_share", "temperature", "seed", "max_output_tokens"),
    *("keep_educational", "rescue_educational", "rescue_format"),
)


class LlmTeacher:
    """Annotates by asking a language model."""

    def __init__(self, section: Section, prompts: Prompts, asker: Asker, cache: AnswerCache) -> None:
        self._section, self._prompts, self._asker, self._cache = section, prompts, asker, cache
        self._rule = LabelRule(section.keep_educational, section.rescue_educational, section.rescue_format)

    @property
    def name(self) -> str:
        """`llm:` and the model."""
        return f"llm:{self._section.model}"

    @property
    def prompt_hash(self) -> str:
        """Of the prompts, the model, and all settings that decide answers or labels; not of where it runs."""
        settings = self._section.model_dump(mode="json", include=set(_DECIDING))
        text = json.dumps([self._prompts.hash, settings], sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()

    def estimate_documents(self, seeds: pa.Table) -> AnnotationEstimate:
        """What annotate_documents would ask and cost."""
        questions = [one for text in _texts(seeds) for one in self._rubrics(text)]
        return self._estimate(questions, _ANSWER_TOKENS["documents"])

    def estimate_chunks(self, seeds: pa.Table) -> AnnotationEstimate:
        """What annotate_chunks would ask and cost."""
        questions = [
            one for text in _texts(seeds) for chunk in self._cut(text) for one in self._of(text, chunk)
        ]
        expected = _ANSWER_TOKENS["calls"]
        if self._section.chunk_mode == "rewrite" and questions:
            expected = sum(len(question.user) for question in questions) / len(questions) / 4
        return self._estimate(questions, expected)

    def annotate_documents(self, seeds: pa.Table) -> pa.Table:
        """Score each seed on both rubrics; one row per seed, in order (DOC_ANNOTATIONS)."""
        texts = _texts(seeds)
        answers = self._asker.ask([question for text in texts for question in self._rubrics(text)])
        grouped = (answers[i : i + len(RUBRICS)] for i in range(0, len(answers), len(RUBRICS)))
        ids = seeds["doc_id"].to_pylist()
        return document_table(
            self._document(doc_id, found) for doc_id, found in zip(ids, grouped, strict=True)
        )

    def annotate_chunks(self, seeds: pa.Table) -> pa.Table:
        """Write a program for each chunk of each seed, in order (CHUNK_ANNOTATIONS)."""
        texts = _texts(seeds)
        cut = [self._cut(text) for text in texts]
        questions = [
            question
            for text, chunks in zip(texts, cut, strict=True)
            for chunk in chunks
            for question in self._of(text, chunk)
        ]
        answers = iter(self._asker.ask(questions))
        ids = seeds["doc_id"].to_pylist()
        return chunk_table(
            row
            for doc_id, text, chunks in zip(ids, texts, cut, strict=True)
            for row in self._chunk_rows(doc_id, text, chunks, answers)
        )

    def _document(self, doc_id: str, answers: Sequence[Answer]) -> dict[str, Any]:
        failures = [answer for answer in answers if isinstance(answer, Failure)]
        tokens = _tokens(answers)
        if failures:
            return document_row(doc_id, None, "", self._verdict(FAILED, tokens, failures[0].reason))
        found = [judgement(answer) for answer in answers if isinstance(answer, Completion)]
        educational, layout = (one.score for one in found)
        words = "\n".join(f"{name}: {one.justification}" for name, one in zip(RUBRICS, found, strict=True))
        keep = self._rule.keeps(educational, layout)
        return document_row(doc_id, keep, words, self._verdict(ANNOTATED, tokens), educational, layout)

    def _chunk_rows(
        self, doc_id: str, text: str, chunks: Sequence[Chunk], answers: Iterator[Answer]
    ) -> list[dict[str, Any]]:
        passes = len(FAMILIES) if self._section.chunk_mode == "calls" else 1
        found = [[next(answers) for _ in range(passes)] for _ in chunks]
        for chunk, given in zip(chunks, found, strict=True):
            for answer in given:
                if isinstance(answer, Failure):
                    reason = f"chunk {chunk.index}: {answer.reason}"
                    tokens = sum(map(_tokens, found))
                    return [silent_chunk_row(doc_id, text, self._verdict(FAILED, tokens, reason))]
        rows = []
        for chunk, given in zip(chunks, found, strict=True):
            completions = [answer for answer in given if isinstance(answer, Completion)]
            programs = chunk_answers(text, chunk, completions, self._section)
            believed = merged(text, chunk, programs, self._section.max_removed_share)
            rows.append(
                validated_chunk_row(doc_id, chunk, believed, self._verdict(ANNOTATED, _tokens(given)))
            )
        return rows

    def _rubrics(self, text: str) -> list[Question]:
        return rubric_questions(text, self._prompts, self._section)

    def _of(self, text: str, chunk: Chunk) -> list[Question]:
        return chunk_questions(text, chunk, self._prompts, self._section)

    def _cut(self, text: str) -> list[Chunk]:
        return chunk_lines(text, range(len(text)), self._section.chunk_chars) or [whole(text)]

    def _verdict(self, status: str, tokens: int, error: str | None = None) -> dict[str, Any]:
        return Signature(self.name, self.prompt_hash).verdict(status, error) | {"tokens": tokens}

    def _estimate(self, questions: Sequence[Question], answer_tokens: float) -> AnnotationEstimate:
        expected = self._cache.mean_tokens_out() or answer_tokens
        return estimated(len(questions), self._asker.missing(questions), expected, self._section.prices)


def open_llm_teacher(section: Section, cache: Path, report: Report, run: int = 0) -> LlmTeacher:
    """The teacher of a catalogue section; `cache` is the folder of its answers.

    Each `run` has answers of its own, drawn with another seed: so a teacher's noise is measured.

    Raises:
        TeacherError: the key is not in the environment.
    """
    prompts = Prompts.load(section.prompts)
    answers = AnswerCache((section.cache or cache) / CACHE_FILE)
    spending = Spending(section.budget, section.prices, answers)
    named = ("model", "temperature", "seed", "max_output_tokens")
    drawn = section.model_copy(update={"seed": section.seed + run * _SEEDS_APART})
    sampling = json.dumps(drawn.model_dump(mode="json", include=set(named)) | {"run": run}, sort_keys=True)
    settings = EngineSettings(section.engine, dtype=section.dtype, memory_share=section.memory_share)
    backend = Endpoint(drawn) if section.checkpoint is None else InProcess(drawn, settings)
    return LlmTeacher(section, prompts, Asker(backend, answers, spending, sampling, report), answers)


def _texts(seeds: pa.Table) -> list[str]:
    texts: list[str] = seeds["text"].to_pylist()
    return texts


def _tokens(answers: Sequence[Answer]) -> int:
    return sum(answer.tokens for answer in answers if isinstance(answer, Completion))
