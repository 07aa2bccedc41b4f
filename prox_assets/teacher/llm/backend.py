"""What stands between a question and its answer."""

from collections.abc import Callable, Iterator
from typing import Protocol

from prox_assets.teacher.llm.questions import Answer, Completion, Question

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
