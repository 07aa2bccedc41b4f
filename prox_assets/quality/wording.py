"""How figures are written for people."""

import re
from collections.abc import Callable
from typing import Any

NOTHING = "–"
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def thousands(value: float | None) -> str:
    """A whole number with separators."""
    return NOTHING if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A share, to a tenth of a percent."""
    return NOTHING if value is None else f"{100 * value:.1f}%"


def share(part: float, whole: float) -> str:
    """A part of a whole, as a percentage; of nothing, a dash."""
    return percent(part / whole) if whole else NOTHING


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, the largest two."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def figure(value: Any) -> str:
    """A measured value: whole numbers whole, others to four places."""
    if value is None:
        return "off"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def scientific(value: float) -> str:
    """A large number by its power of ten."""
    if not value:
        return NOTHING
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}·10{_superscript(int(exponent))}"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def words(name: str) -> str:
    """A name of the data as words."""
    return name.replace("_", " ")


def printable(text: str) -> str:
    """A document's text without control characters that a page cannot hold."""
    return _CONTROLS.sub("\ufffd", text)


FILTERS: dict[str, Callable[..., str]] = {
    "thousands": thousands,
    "percent": percent,
    "share": share,
    "duration": duration,
    "figure": figure,
    "scientific": scientific,
    "words": words,
    "printable": printable,
}
