"""What annotating will cost, before the first question."""

from collections.abc import Sequence
from dataclasses import dataclass

from prox_assets.config import Prices
from prox_assets.teacher.llm.questions import Question
from prox_assets.teacher.llm.spending import money

# Characters of a token: English prose is near 4 with the usual vocabularies; other scripts have fewer.
_CHARACTERS_PER_TOKEN = 4.0
_NON_ASCII_CHARACTERS_PER_TOKEN = 1.5


@dataclass(frozen=True, slots=True)
class Estimate:
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


def estimated(questions: int, missing: Sequence[Question], answer_tokens: float, prices: Prices) -> Estimate:
    """Estimate what the missing answers cost; `answer_tokens` are expected of each."""
    tokens_in = round(sum(tokens_of(question.system + question.user) for question in missing))
    tokens_out = round(answer_tokens * len(missing))
    return Estimate(questions, len(missing), tokens_in, tokens_out, money(prices, tokens_in, tokens_out))


def tokens_of(text: str) -> float:
    """Tokens of a text by rule of thumb, no tokenizer at hand."""
    ascii_only = sum(map(str.isascii, text))
    return ascii_only / _CHARACTERS_PER_TOKEN + (len(text) - ascii_only) / _NON_ASCII_CHARACTERS_PER_TOKEN
