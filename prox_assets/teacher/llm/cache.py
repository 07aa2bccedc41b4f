"""Answers on disk, by content: what was paid for once is never asked again."""

import sqlite3
from pathlib import Path

from prox_assets.teacher.llm.questions import Completion

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
