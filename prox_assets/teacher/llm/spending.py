"""What a teacher has spent, and when that is enough."""

from prox_assets.config import Budget, Prices
from prox_assets.teacher.llm.cache import AnswerCache
from prox_assets.teacher.llm.questions import Completion


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
