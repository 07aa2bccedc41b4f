"""Asking many questions: the cache first, then the backend, within the budget, with progress."""

import time
from collections.abc import Callable, Iterator, Sequence

from prox_assets.errors import TeacherError
from prox_assets.teacher.llm.backend import Backend
from prox_assets.teacher.llm.cache import AnswerCache
from prox_assets.teacher.llm.questions import Answer, BrokenAnswerError, Completion, Failure, Question
from prox_assets.teacher.llm.spending import Spending

Report = Callable[[str], None]
_SECONDS_BETWEEN_REPORTS = 5.0


class Asker:
    """Answers of one model. What the cache holds is not asked; every answer is stored as it comes."""

    def __init__(
        self, backend: Backend, cache: AnswerCache, spending: Spending, sampling: str, report: Report
    ) -> None:
        self._backend, self._cache, self._spending = backend, cache, spending
        self._sampling, self._report = sampling, report

    def missing(self, questions: Sequence[Question]) -> list[Question]:
        """The questions that the cache has no answer to, each once."""
        found = {question.key(self._sampling): question for question in questions}
        return [question for key, question in found.items() if self._cache.get(key) is None]

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer for every question, in order. Equal questions are asked once.

        Raises:
            TeacherError: the budget is spent, or no question can be answered. What came is kept.
        """
        failed: dict[str, Failure] = {}
        missing = self.missing(questions)
        if missing:
            self._ask_missing(missing, failed)
        return [self._answer(question, failed) for question in questions]

    def _answer(self, question: Question, failed: dict[str, Failure]) -> Answer:
        key = question.key(self._sampling)
        stored = self._cache.get(key)
        if stored is None:
            return failed[key]
        try:
            question.accepts(stored)
        except BrokenAnswerError as error:  # accepted by an older version of the code
            return Failure(f"the stored answer cannot be used: {error}")
        return stored

    def _ask_missing(self, missing: list[Question], failed: dict[str, Failure]) -> None:
        progress = _Progress(len(missing), self._report)

        def done(question: Question, answer: Answer) -> None:
            key = question.key(self._sampling)
            if isinstance(answer, Completion):
                self._cache.put(key, answer)
            else:
                failed[key] = answer
            progress.step(len(failed))

        self._backend.run(self._within_budget(missing), self._spending.add, done)
        if progress.done < len(missing):
            raise TeacherError(
                f"the teacher's budget is spent ({self._spending}): {progress.done:,} of {len(missing):,} "
                "new questions were answered and are kept. Raise the budget, or lower seeds.size; run again."
            )

    def _within_budget(self, missing: list[Question]) -> Iterator[Question]:
        for question in missing:
            if self._spending.is_over():
                return
            yield question


class _Progress:
    """Says now and then how far the asking is, how fast it goes and how long it will take."""

    def __init__(self, total: int, report: Report) -> None:
        self.done, self._total, self._report = 0, total, report
        self._began = self._reported = time.monotonic()

    def step(self, failed: int) -> None:
        self.done += 1
        now = time.monotonic()
        if self.done < self._total and now - self._reported < _SECONDS_BETWEEN_REPORTS:
            return
        self._reported = now
        rate = self.done / max(now - self._began, 1e-9)
        left = (self._total - self.done) / rate
        self._report(
            f"{self.done:,} of {self._total:,} answers, {failed:,} failed, {rate:.1f} a second, "
            f"{left / 60:.1f} minutes left"
        )
