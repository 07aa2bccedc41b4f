"""Student's t for the few degrees of freedom that a handful of seeds leaves."""

import math


def t_quantile(confidence: float, freedom: int) -> float:
    """The t with `confidence` of the distribution between -t and t, for `freedom` ≥ 1 degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """The share between -t and t for t = √freedom · tan(angle): Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    odd = freedom % 2
    cosine = math.cos(angle)
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(odd, freedom - 1, 2):
        total += term
        term *= cosine**2 * (k + 1) / (k + 2)
    total *= math.sin(angle)
    return (angle + total) * 2 / math.pi if odd else total
