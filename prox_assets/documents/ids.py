"""The text of an id: one rule for ids of every type, so that ids of different files meet.

Ingest, label files, joins and lookups compare ids as texts. The text depends on the value alone: not on the
width, encoding or unit of the column that holds it, nor on the library that wrote the file.
docs/catalogue.md has the rule as a table.
"""

import contextlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_SECOND = _NANOSECONDS["s"]
_DAY = 86_400
# The Gregorian calendar repeats after 400 years, so dates that `datetime` cannot hold move into its range.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
_DEEPEST = 32


def id_text(value: Any) -> str | None:
    """Give an id's text; None for what is no id: null, an empty text, NaN, a type that has no rule.

    `value` is of Python, as JSON and Arrow give it, or an Arrow scalar, which also holds what Python cannot
    (nanoseconds, years over 9999). The text can be encoded as UTF-8: lone surrogates are escaped.
    """
    return value_text(value) or None


def id_texts(column: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Give the text of every id in a column; None for what is no id."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(kind):
        return [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        with contextlib.suppress(UnicodeDecodeError):
            return [value or None for value in column.to_pylist()]
    return [id_text(value) for value in column]


def value_text(value: Any) -> str | None:
    """Give any value's text by the rule of ids, an empty text as it is."""
    plain = _unboxed(value)
    if isinstance(plain, Mapping | list):
        try:
            return _utf8(_json(plain))
        except _TooDeepError:
            return None
    return _scalar_text(plain)


class _TooDeepError(Exception):
    """A list or struct is nested deeper than anything that names a document."""


class _Text(str):
    """What an Arrow scalar that Python cannot hold reads as."""

    __slots__ = ()


def _scalar_text(value: Any) -> str | None:
    match value:
        case str():
            return _utf8(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return None if math.isnan(value) else repr(value)
        case Decimal():
            return None if value.is_nan() else f"{value:f}"
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case datetime():
            return _datetime_text(value)
        case date():
            return value.isoformat()
        case time():
            return _time_text(_nanoseconds_of_day(value))
        case timedelta():
            return _duration_text(_nanoseconds(value))
        case _:
            return None


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _json(value: Mapping[Any, Any] | list[Any]) -> str:
    return json.dumps(_json_value(value, _DEEPEST), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _json_value(value: Any, depth: int) -> Any:
    """Numbers, booleans and nulls stay what they are in JSON; any other leaf is its text."""
    if depth == 0:
        raise _TooDeepError
    plain = _unboxed(value)
    if isinstance(plain, Mapping):
        return _json_object(plain.items(), depth)
    if isinstance(plain, list):
        if plain and all(isinstance(entry, tuple) and len(entry) == 2 for entry in plain):
            return _json_object(plain, depth)  # a map, as Arrow gives it
        return [_json_value(entry, depth - 1) for entry in plain]
    if isinstance(plain, bool | int):
        return plain
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else _scalar_text(plain)
    return _scalar_text(plain)


def _json_object(entries: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
    return {value_text(key) or "": _json_value(entry, depth - 1) for key, entry in entries}


def _unboxed(value: Any) -> Any:
    """Turn an Arrow scalar into a value of Python, or into its text where Python cannot hold it."""
    if not isinstance(value, pa.Scalar):
        return value
    if not value.is_valid:
        return None
    match value:
        case pa.DictionaryScalar():
            return _unboxed(value.value)
        case pa.StructScalar():
            return dict(value.items())
        case pa.MapScalar():
            return [(entry["key"], entry["value"]) for entry in value.values]
        case pa.ListScalar() | pa.LargeListScalar() | pa.FixedSizeListScalar():
            return list(value.values)
        case pa.TimestampScalar():
            aware = value.type.tz is not None
            return _Text(_timestamp_text(value.value * _NANOSECONDS[value.type.unit], aware=aware))
        case pa.Date32Scalar() | pa.Date64Scalar():
            days = value.value if isinstance(value, pa.Date32Scalar) else value.value // (_DAY * 1_000)
            return _Text(_date_text(days))
        case pa.Time32Scalar() | pa.Time64Scalar():
            return _Text(_time_text(value.value * _NANOSECONDS[value.type.unit]))
        case pa.DurationScalar():
            return _Text(_duration_text(value.value * _NANOSECONDS[value.type.unit]))
    try:
        return value.as_py()
    except UnicodeDecodeError:  # a text column may hold bytes that are no UTF-8
        return None


def _datetime_text(value: datetime) -> str | None:
    if value != value:  # pandas' NaT is a datetime
        return None
    aware = value.tzinfo is not None
    epoch = datetime(1970, 1, 1, tzinfo=UTC if aware else None)
    return _timestamp_text(_nanoseconds(value - epoch), aware=aware)


def _timestamp_text(nanoseconds: int, *, aware: bool) -> str:
    days, rest = divmod(nanoseconds, _DAY * _SECOND)
    return f"{_date_text(days)}T{_time_text(rest)}{'Z' if aware else ''}"


def _date_text(days: int) -> str:
    """ISO 8601 of days since 1970; years of more than four digits have a sign."""
    cycles, day = divmod(days, _CYCLE_DAYS)
    moved = date(1970, 1, 1) + timedelta(days=day)
    year = moved.year + cycles * _CYCLE_YEARS
    return f"{year:04d}" + f"{moved:-%m-%d}" if 0 <= year <= 9999 else f"{year:+05d}" + f"{moved:-%m-%d}"


def _time_text(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, _SECOND)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{_fraction_text(fraction)}"


def _duration_text(nanoseconds: int) -> str:
    seconds, fraction = divmod(abs(nanoseconds), _SECOND)
    return f"{'-' if nanoseconds < 0 else ''}PT{seconds}{_fraction_text(fraction)}S"


def _fraction_text(nanoseconds: int) -> str:
    """The fraction of a second in 0, 3, 6 or 9 digits, as few as hold it."""
    if nanoseconds == 0:
        return ""
    digits = f"{nanoseconds:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}"


def _nanoseconds(value: timedelta) -> int:
    """The length of a duration; pandas' durations know nanoseconds."""
    seconds = value.days * _DAY + value.seconds
    return seconds * _SECOND + value.microseconds * 1_000 + getattr(value, "nanoseconds", 0)


def _nanoseconds_of_day(value: time) -> int:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * _SECOND + value.microsecond * 1_000


def strict_json(values: Mapping[str, Any]) -> str:
    """JSON that every parser takes: NaN is null; infinities, and values that JSON has no type for, are text.

    Raises:
        RecursionError: lists and objects are nested hundreds of levels deep.
    """
    try:
        text = json.dumps(dict(values), default=value_text, sort_keys=True, allow_nan=False)
    except ValueError:
        text = ""
    if text and "\\ud" not in text:  # half of a surrogate pair has no UTF-8
        return text
    return json.dumps(_plain_json(values), sort_keys=True, allow_nan=False)


def _plain_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {value_text(name) or "": _plain_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_json(entry) for entry in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and value - value == 0):
        return value
    return value_text(value)
