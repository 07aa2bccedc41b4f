"""Ask many questions: the cache first, then the backend, within a budget, with progress."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prox_assets.config import Budget, Prices
from prox_assets.errors import TeacherError
from prox_assets.teacher.llm.questions import (
    Answer,
    Backend,
    BrokenAnswerError,
    Completion,
    Failure,
    Question,
)

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    finished INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL);
"""


class AnswerCache:
    """An SQLite file in WAL mode: each answer is committed and synced as it comes.

    Several processes may share it. SQLite because that is what it does best: a killed process leaves every
    committed answer readable and nothing half written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_TABLES)

    def get(self, key: str) -> Completion | None:
        """The stored answer."""
        row = self._database.execute(
            "SELECT text, tokens_in, tokens_out, finished FROM answers WHERE key = ?", [key]
        ).fetchone()
        return None if row is None else Completion(row[0], row[1], row[2], bool(row[3]))

    def put(self, key: str, answer: Completion) -> None:
        """Store an answer durably."""
        values = [key, answer.text, answer.tokens_in, answer.tokens_out, int(answer.finished)]
        self._database.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", values)

    def add_spent(self, answer: Completion) -> None:
        """Count what an answer cost, usable or not."""
        self._database.execute("INSERT INTO spent VALUES (?, ?)", [answer.tokens_in, answer.tokens_out])

    def spent(self) -> tuple[int, int]:
        """Tokens read and written by all answers so far, of all runs."""
        row = self._database.execute(
            "SELECT coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0) FROM spent"
        ).fetchone()
        return int(row[0]), int(row[1])

    def mean_tokens_out(self) -> float | None:
        """Tokens of an answer, on average; None before the first."""
        mean: float | None = self._database.execute("SELECT avg(tokens_out) FROM answers").fetchone()[0]
        return mean

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class Spending:
    """Tokens and money over all runs that share a cache."""

    def __init__(self, budget: Budget, prices: Prices, cache: AnswerCache) -> None:
        self._budget, self._prices, self._cache = budget, prices, cache
        self._read, self._written = cache.spent()

    def add(self, answer: Completion) -> None:
        """Count an answer, usable or not."""
        self._cache.add_spent(answer)
        self._read += answer.tokens_in
        self._written += answer.tokens_out

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self._read + self._written

    @property
    def money(self) -> float:
        """What they cost, in the currency of the prices."""
        return money(self._prices, self._read, self._written)

    def is_over(self) -> bool:
        """Whether nothing more may be asked."""
        tokens, limit = self._budget.tokens, self._budget.money
        return (tokens is not None and self.tokens >= tokens) or (limit is not None and self.money >= limit)

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens, {self.money:.2f} in money"


def money(prices: Prices, tokens_in: float, tokens_out: float) -> float:
    """What tokens cost."""
    return (tokens_in * prices.input + tokens_out * prices.output) / 1e6


# Characters of a token: English prose is near 4 with the usual vocabularies; other scripts have fewer.
_CHARACTERS_PER_TOKEN = 4.0
_NON_ASCII_CHARACTERS_PER_TOKEN = 1.5


@dataclass(frozen=True, slots=True)
class AnnotationEstimate:
    """Questions in all, those to be asked, their tokens (estimated from characters) and what they cost."""

    questions: int
    calls: int
    tokens_in: int
    tokens_out: int
    money: float

    def __str__(self) -> str:
        return (
            f"{self.calls:,} calls ({self.questions - self.calls:,} of {self.questions:,} are answered "
            f"already), about {self.tokens_in:,} tokens in and {self.tokens_out:,} out, "
            f"{self.money:.2f} in money"
        )


def estimated(
    questions: int, missing: Sequence[Question], answer_tokens: float, prices: Prices
) -> AnnotationEstimate:
    """Estimate what the missing answers cost; `answer_tokens` are expected of each."""
    tokens_in = round(sum(tokens_of(question.system + question.user) for question in missing))
    tokens_out = round(answer_tokens * len(missing))
    return AnnotationEstimate(
        questions, len(missing), tokens_in, tokens_out, money(prices, tokens_in, tokens_out)
    )


def tokens_of(text: str) -> float:
    """Tokens of a text by rule of thumb, no tokenizer at hand."""
    ascii_only = sum(map(str.isascii, text))
    return ascii_only / _CHARACTERS_PER_TOKEN + (len(text) - ascii_only) / _NON_ASCII_CHARACTERS_PER_TOKEN


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
