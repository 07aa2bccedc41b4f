"""What is asked of a model, and what comes back."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from prox_assets.errors import TeacherError


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
