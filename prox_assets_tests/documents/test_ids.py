"""Ids of every type: one text for one value, however it is stored and whoever wrote it."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prox_assets.config import Input
from prox_assets.documents.ids import id_text, id_texts, value_text
from prox_assets.documents.ingest import ingest
from prox_assets.documents.sources import list_shards
from prox_assets.documents.store import Store

IDENTIFIER = UUID("0a8fca54-4b5e-a41e-ffdd-c3df1fb223a2")
MOMENT = datetime(2024, 1, 31, 12, 30, 5, 120_000)

TEXTS: list[tuple[Any, str | None]] = [
    (None, None),
    ("", None),
    (" x ", " x "),
    ("\ud800", "\\ud800"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-(2**63), "-9223372036854775808"),
    (2**64 - 1, "18446744073709551615"),
    (12.0, "12.0"),
    (2e16, "2e+16"),
    (-0.5, "-0.5"),
    (float("nan"), None),
    (Decimal("1.00"), "1.00"),
    (Decimal("1E+3"), "1000"),
    (Decimal("NaN"), None),
    (IDENTIFIER, "0a8fca54-4b5e-a41e-ffdd-c3df1fb223a2"),
    (b"\x00\xff", "00ff"),
    (b"", None),
    (date(2024, 1, 31), "2024-01-31"),
    (MOMENT, "2024-01-31T12:30:05.120"),
    (MOMENT.replace(microsecond=0), "2024-01-31T12:30:05"),
    (MOMENT.replace(tzinfo=UTC), "2024-01-31T12:30:05.120Z"),
    (MOMENT.replace(tzinfo=timezone(timedelta(hours=2))), "2024-01-31T10:30:05.120Z"),
    (time(1, 2, 3, 4), "01:02:03.000004"),
    (timedelta(days=-1), "-PT86400S"),
    ({"b": 1, "a": ["ü", None, True, MOMENT]}, '{"a":["ü",null,true,"2024-01-31T12:30:05.120"],"b":1}'),
    ([], "[]"),
    (object(), None),
]


@pytest.mark.parametrize(
    ("value", "text"), TEXTS, ids=[f"{type(value).__name__} {text}"[:40] for value, text in TEXTS]
)
def test_a_value_has_one_text(value: Any, text: str | None) -> None:
    assert id_text(value) == text
    assert value_text(value) == ("" if value in ("", b"") else text)


def test_a_value_that_is_nested_without_end_is_no_id() -> None:
    nested: list[Any] = []
    for _ in range(5_000):
        nested = [nested]
    assert id_text(nested) is None


INTEGERS = st.integers(-100, 100)
NAIVE = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
AWARE = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
MILLISECONDS = NAIVE.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)

#: Values, and the column types that can hold them: all must give the same texts.
KINDS: dict[str, tuple[st.SearchStrategy[Any], list[pa.DataType]]] = {
    "bool": (st.booleans(), [pa.bool_()]),
    "int": (INTEGERS, [pa.int8(), pa.int16(), pa.int32(), pa.int64()]),
    "uint": (st.integers(0, 200), [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.int64()]),
    "large": (st.integers(2**63, 2**64 - 1), [pa.uint64()]),
    "float": (st.floats(width=16, allow_nan=False), [pa.float16(), pa.float32(), pa.float64()]),
    "decimal": (st.decimals(-99, 99, places=2), [pa.decimal128(5, 2), pa.decimal256(40, 2)]),
    "text": (
        TEXT,
        [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ),
    "binary": (
        st.binary(min_size=16, max_size=16),
        [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(16)],
    ),
    "uuid": (st.uuids(), [pa.uuid()]),
    "date": (st.dates(), [pa.date32(), pa.date64()]),
    "naive": (NAIVE, [pa.timestamp("us"), pa.timestamp("ns")]),
    "milliseconds": (MILLISECONDS, [pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns")]),
    "aware": (
        AWARE,
        [pa.timestamp("us", "UTC"), pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("us", "+01:00")],
    ),
    "time": (st.times(), [pa.time64("us"), pa.time64("ns")]),
    "duration": (
        st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)),
        [pa.duration("us"), pa.duration("ns")],
    ),
    "list": (st.lists(INTEGERS, max_size=3), [pa.list_(pa.int8()), pa.large_list(pa.int64())]),
    "struct": (
        st.fixed_dictionaries({"b": INTEGERS, "a": TEXT}),
        [
            pa.struct({"b": pa.int64(), "a": pa.string()}),
            pa.struct({"a": pa.large_string(), "b": pa.int16()}),
        ],
    ),
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_column_type_that_holds_a_value_gives_its_text(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    strategy, types = KINDS[kind]
    values = data.draw(st.lists(strategy, min_size=1, max_size=5))
    expected = [id_text(value) for value in values]
    assert [text is None for text in expected] == [value == "" for value in values]
    for number, kept in enumerate(types):
        column = pa.array(values, kept)
        assert id_texts(column) == expected
        where = tmp_path / f"{number}.parquet"
        if kept == pa.float16() or kept == pa.duration("ns"):
            continue
        pq.write_table(pa.table({"id": column}), where)
        assert id_texts(pq.read_table(where)["id"]) == expected


@pytest.mark.parametrize(
    ("values", "kept", "texts"),
    [
        ([1], pa.timestamp("ns"), ["1970-01-01T00:00:00.000000001"]),
        ([10**12], pa.timestamp("s"), ["+33658-09-27T01:46:40"]),
        ([-(10**12)], pa.timestamp("s", "no/such_zone"), ["-29719-04-05T22:13:20Z"]),
        ([1], pa.time64("ns"), ["00:00:00.000000001"]),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int64()), ['{"k":1}']),
    ],
)
def test_arrow_values_that_python_cannot_hold_have_a_text(
    values: list[Any], kept: pa.DataType, texts: list[str]
) -> None:
    assert id_texts(pa.array(values, kept)) == texts


def test_bytes_that_are_no_utf8_are_no_text_id() -> None:
    column = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xff"]).buffers())
    assert id_texts(column) == ["a", None]


def _duckdb(where: Path) -> None:
    duckdb.sql(f"""
        COPY (SELECT *, 'some text' AS text FROM (VALUES
            ('{IDENTIFIER}'::UUID, TRUE, 7::UBIGINT, '{MOMENT}+00'::TIMESTAMPTZ, 1.5::DOUBLE, 'x')
        ) rows(uuid, bool, uint64, aware, float, text_id)) TO '{where}' (FORMAT parquet)""")


def _polars(where: Path) -> None:
    rows = {
        "bool": [True],
        "uint64": pl.Series([7], dtype=pl.UInt64),
        "aware": pl.Series([MOMENT.replace(tzinfo=UTC)], dtype=pl.Datetime("ns", "UTC")),
        "float": [1.5],
        "text_id": pl.Series(["x"], dtype=pl.Categorical),
        "text": ["some text"],
    }
    pl.DataFrame(rows).write_parquet(where)


def _pyarrow(where: Path) -> None:
    rows = {
        "uuid": pa.array([IDENTIFIER.bytes], pa.uuid()),
        "bool": [True],
        "uint64": pa.array([7], pa.int8()),
        "aware": pa.array([MOMENT.replace(tzinfo=UTC)], pa.timestamp("ms", "Europe/Berlin")),
        "float": pa.array([1.5], pa.float32()),
        "text_id": pa.array(["x"]).dictionary_encode(),
        "text": pa.array(["some text"], pa.string_view()),
    }
    pq.write_table(pa.table(rows), where)


def _jsonl(where: Path) -> None:
    row = {"bool": True, "uint64": 7, "float": 1.5, "text_id": "x", "text": "some text"}
    where.write_text(json.dumps(row) + "\n")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("uuid", str(IDENTIFIER)),
        ("bool", "true"),
        ("uint64", "7"),
        ("aware", "2024-01-31T12:30:05.120Z"),
        ("float", "1.5"),
        ("text_id", "x"),
    ],
)
@pytest.mark.parametrize("write", [_duckdb, _polars, _pyarrow, _jsonl])
def test_documents_have_the_id_that_their_value_gives(
    tmp_path: Path, write: Callable[[Path], None], column: str, text: str
) -> None:
    where = tmp_path / ("p.jsonl" if write is _jsonl else "p.parquet")
    write(where)
    if where.suffix == ".jsonl" and column in ("uuid", "aware"):
        pytest.skip("JSON has no such type")
    if where.suffix == ".parquet" and column not in pq.read_schema(where).names:
        pytest.skip("polars has no such type")
    (source,) = list_shards([Input.model_validate({"path": where, "columns": {"doc_id": column}})])
    finished = ingest(source, Store(tmp_path / "store"), "web", 10, lambda rows: None)
    assert pq.read_table(finished.paths()[0])["doc_id"].to_pylist() == [text]


def test_a_value_that_is_no_id_is_a_rejected_row_that_says_why(tmp_path: Path) -> None:
    nested: Any = 1
    for _ in range(100):
        nested = [nested]
    rows = [
        {"id": value, "text": "some text"} for value in (None, "", float("nan"), nested, {"a": b"".hex()})
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (source,) = list_shards([Input(path=tmp_path / "p.jsonl")])
    finished = ingest(source, Store(tmp_path / "store"), "web", 10, lambda rows: None)
    rejected = pq.read_table(finished.paths("rejected")[0]).to_pylist()
    assert [(row["row"], row["reason"]) for row in rejected] == [(n, "missing_id") for n in range(4)]
    assert "nan of type float, which is no id" in rejected[2]["detail"]
    assert "of type list, which is no id" in rejected[3]["detail"]
