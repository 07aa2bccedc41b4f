"""Every row of a source is accepted or rejected with a reason, or the file is refused in one line.

Rows are counted by DuckDB, which decompresses and reads Parquet by code of its own, or by their newlines.
"""

import datetime as dt
import gzip
import io
import json
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from prox_assets.cli import main
from prox_assets.config import Columns, Input
from prox_assets.documents.discovery import printable
from prox_assets.documents.formats.compression import format_of
from prox_assets.documents.ingest import IngestReport, distrust, ingest, ingest_report
from prox_assets.documents.sources import list_shards
from prox_assets.documents.store import Store
from prox_assets.errors import InputError

CASES = Path(__file__).parents[3] / "shared" / "cases"
ROWS = [
    {"id": f"d{number}", "text": f"Page {number}, “quoted” {'word ' * (number % 40)}"}
    for number in range(400)
]
LINES = [json.dumps(row).encode() + b"\n" for row in ROWS]
JSONL = b"".join(LINES)
SKIPPABLE = b"\x50\x2a\x4d\x18\x05\x00\x00\x00notes"
DAMAGE_PLACES = 20
SAFE = re.compile("[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*")


@dataclass(frozen=True)
class Account:
    """What ingest made of a file."""

    report: IngestReport
    accepted: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(row["reason"] for row in self.rejected))


def account(path: Path, store: Path, columns: Columns | None = None, **options: Any) -> Account:
    """Ingest a file; whatever it holds, the tables, the report and what is printed of it agree."""
    (source,) = list_shards([Input(path=path, columns=columns or Columns(), **options)])
    finished = ingest(source, Store(store), "web", 256, lambda rows: None)
    report = ingest_report(finished)
    accepted, rejected = (
        [row for file in finished.paths(kind) for row in pq.read_table(file).to_pylist()]
        for kind in ("", "rejected")
    )
    numbers = sorted(row["row"] for row in accepted + rejected)
    assert numbers == list(range(report.rows)), "each row is in one of the two tables"
    assert (report.accepted, report.rejected) == (len(accepted), len(rejected))
    assert {reason.reason: reason.rows for reason in report.reasons} == Counter(
        row["reason"] for row in rejected
    )
    printed = "\n".join(report.lines(source.name))
    assert SAFE.fullmatch(printed.replace("\n", ""))
    for reason in report.reasons:
        assert 1 <= len(reason.examples) <= 3
        assert f"{reason.reason}: {reason.rows:,}" in printed
        assert all(str(example) in printed for example in reason.examples)
    for row in rejected:
        assert SAFE.fullmatch(row["detail"])
        assert 0 < len(row["detail"]) <= 300
        assert len(row["raw"]) <= 100_000
    for row in accepted:
        json.loads(row["metadata"], parse_constant=pytest.fail)
    return Account(report, accepted, rejected)


def account_or_refusal(path: Path, store: Path, columns: Columns | None = None) -> Account | str:
    try:
        return account(path, store, columns)
    except InputError as error:
        assert str(error).startswith(printable(str(path)))
        assert SAFE.fullmatch(str(error)), "one line, safe for a terminal"
        return str(error)


def lines_counted_by_duckdb(path: Path) -> int:
    """Lines that are not blank."""
    query = """SELECT count(*) FROM read_csv(?, columns = {'line': 'VARCHAR'}, auto_detect = false,
        header = false, delim = '\x01', quote = '', escape = '') WHERE trim(line) <> ''"""
    ((count,),) = duckdb.connect().execute(query, [str(path)]).fetchall()
    return int(count)


def rows_counted_by_duckdb(path: Path) -> int:
    query = "SELECT sum(num_rows) FROM parquet_file_metadata(?)"
    ((count,),) = duckdb.connect().execute(query, [str(path)]).fetchall()
    return int(count)


def _zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def _flushed_zst(data: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    parts = []
    for start in range(0, len(data), 3_000):
        parts += [
            compressor.compress(data[start : start + 3_000]),
            compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK),
        ]
    return b"".join([*parts, compressor.flush()])


def _pieces(data: bytes) -> Iterator[bytes]:
    """Pieces of one, of many and of no bytes; most end inside a line."""
    cuts = (0, 1, 5_000, 5_000, 9_999, len(data))
    return (data[start:stop] for start, stop in pairwise(cuts))


def _plain(data: bytes) -> bytes:
    return data


CONTAINERS: dict[str, tuple[str, list[Callable[[bytes], bytes]]]] = {
    "plain": (".jsonl", [_plain]),
    "gzip": (".jsonl.gz", [gzip.compress]),
    "gzip members": (".jsonl.gz", [lambda data: b"".join(map(gzip.compress, _pieces(data)))]),
    "zstd": (".jsonl.zst", [_zst]),
    "zstd flushed": (".jsonl.zst", [_flushed_zst]),
    "zstd frames": (".jsonl.zst", [lambda data: b"".join(map(_zst, _pieces(data)))]),
    "zstd skippable": (".jsonl.zst", [lambda data: SKIPPABLE + _zst(data) + SKIPPABLE]),
}
PARQUET_CODECS = ("none", "snappy", "gzip", "zstd", "lz4", "brotli")


def contained(name: str, data: bytes = JSONL) -> tuple[str, bytes]:
    ending, (pack,) = CONTAINERS[name]
    return ending, pack(data)


def parquet_bytes(codec: str) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(ROWS)
    options = {"compression": codec, "row_group_size": 90, "write_statistics": False}
    pq.write_table(table, sink, write_page_checksum=True, **options)
    return sink.getvalue()


def _damaged_at(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x5A]) + content[place + 1 :]


def _places(size: int) -> list[int]:
    return [size * number // DAMAGE_PLACES for number in range(DAMAGE_PLACES)]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_sound_container_has_all_its_rows(name: str, tmp_path: Path) -> None:
    ending, content = contained(name)
    path = tmp_path / f"in{ending}"
    path.write_bytes(content)
    sound = account(path, tmp_path / "store")
    assert sound.report.rows == lines_counted_by_duckdb(path) == len(ROWS)
    assert [row["text"] for row in sound.accepted] == [row["text"] for row in ROWS]


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name != "plain"])
def test_a_compressed_file_that_is_cut_is_refused_wherever_it_is_cut(name: str, tmp_path: Path) -> None:
    ending, content = contained(name)
    path = tmp_path / f"in{ending}"
    for size in [*_places(len(content)), len(content) - 3, len(content) - 1]:
        path.write_bytes(content[:size])
        told = account_or_refusal(path, tmp_path / f"store-{size}")
        if isinstance(told, str):
            assert "damaged" in told
        else:  # cut where one stream ends and the next begins
            assert told.report.rows == lines_counted_by_duckdb(path)


def test_a_plain_file_that_is_cut_has_the_rest_of_its_last_line_rejected(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    for size in _places(len(JSONL)):
        path.write_bytes(JSONL[:size])
        told = account(path, tmp_path / f"store-{size}")
        assert told.report.rows == len(JSONL[:size].splitlines())
        assert told.reasons in ({}, {"unreadable": 1})


@pytest.mark.parametrize("name", ["gzip", "gzip members", "zstd", "zstd flushed", "zstd frames"])
def test_a_damaged_block_never_changes_a_document_in_silence(name: str, tmp_path: Path) -> None:
    ending, content = contained(name)
    path = tmp_path / f"in{ending}"
    refused = 0
    for place in _places(len(content)):
        path.write_bytes(_damaged_at(content, place))
        told = account_or_refusal(path, tmp_path / f"store-{place}")
        if isinstance(told, str):
            refused += 1
        else:  # a byte that means nothing, such as the time in gzip's header
            assert [row["text"] for row in told.accepted] == [row["text"] for row in ROWS]
    assert refused >= DAMAGE_PLACES - 2


@pytest.mark.parametrize("codec", PARQUET_CODECS)
def test_a_damaged_parquet_file_never_changes_a_document_in_silence(codec: str, tmp_path: Path) -> None:
    content = parquet_bytes(codec)
    path = tmp_path / "in.parquet"
    path.write_bytes(content)
    assert account(path, tmp_path / "store").report.rows == rows_counted_by_duckdb(path) == len(ROWS)
    refused = 0
    for place in _places(len(content)):
        path.write_bytes(content[:place])
        assert isinstance(account_or_refusal(path, tmp_path / f"cut-{place}"), str)
        path.write_bytes(_damaged_at(content, place))
        told = account_or_refusal(path, tmp_path / f"damaged-{place}")
        if isinstance(told, str):
            refused += 1
        else:  # of the footer no reader needs all
            assert [row["text"] for row in told.accepted] == [row["text"] for row in ROWS]
    assert refused >= DAMAGE_PLACES / 2


@pytest.mark.parametrize(
    ("name", "junk", "is_sound"),
    [
        ("gzip", b"\0" * 512, True),
        ("gzip members", b"\0", True),
        ("gzip", b"junk", False),
        ("gzip", b"\0\0junk", False),
        ("gzip", b"\x1f", False),
        ("gzip", b"\x1f\x8b\x08\x00", False),
        ("zstd", SKIPPABLE, True),
        ("zstd", SKIPPABLE[:-1], False),
        ("zstd", b"j", False),
        ("zstd", b"junk and more", False),
        ("zstd", b"\0" * 512, False),
        ("zstd frames", b"\x28\xb5\x2f\xfd", False),
    ],
)
def test_what_follows_compressed_data_is_more_of_it_or_padding_or_damage(
    name: str, junk: bytes, is_sound: bool, tmp_path: Path
) -> None:
    ending, content = contained(name)
    path = tmp_path / f"in{ending}"
    path.write_bytes(content + junk)
    told = account_or_refusal(path, tmp_path / "store")
    assert isinstance(told, Account) is is_sound
    if isinstance(told, Account):
        assert told.report.rows == len(ROWS)


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst"])
@pytest.mark.parametrize("content", [b"", JSONL], ids=["empty", "not compressed"])
def test_a_name_that_promises_compression_is_held_to_it(ending: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"in{ending}"
    path.write_bytes(content)
    assert "damaged" in str(account_or_refusal(path, tmp_path / "store"))


def zstd_frame(blocks: list[tuple[bytes, int]], window_log: int) -> bytes:
    """Lay out a frame of blocks as RFC 8878 has it: raw ones, and single bytes that are repeated."""
    frame = b"\x28\xb5\x2f\xfd" + bytes([0, (window_log - 10) << 3])
    for number, (content, repeats) in enumerate(blocks):
        is_last = number == len(blocks) - 1
        size_and_kind = len(content) << 3 if repeats == 1 else repeats << 3 | 1 << 1
        frame += (size_and_kind | is_last).to_bytes(3, "little") + content
    return frame


RAW_LINES = [(line, 1) for line in LINES]


@pytest.mark.parametrize("window_log", [20, 27, 28, 31])
def test_frames_with_long_windows_are_read(window_log: int, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.zst"
    path.write_bytes(zstd_frame(RAW_LINES, window_log))
    assert account(path, tmp_path / "store").report.accepted == len(ROWS)


def test_a_window_that_no_decoder_has_memory_for_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.zst"
    path.write_bytes(zstd_frame(RAW_LINES, 34))
    refusal = str(account_or_refusal(path, tmp_path / "store"))
    assert "needs more memory for its window" in refusal
    assert "--long" in refusal
    assert "damaged" not in refusal


@pytest.mark.parametrize("container", ["gzip", "zstd"])
def test_a_line_that_expands_without_end_takes_little_memory_and_hides_no_other(
    container: str, tmp_path: Path
) -> None:
    if container == "zstd":
        path = tmp_path / "in.jsonl.zst"
        bomb = [(b'{"id": "', 1), *[(b"x", 1 << 17)] * 1_024, (b'"}\n', 1)]  # 128 MiB in 4 KiB
        path.write_bytes(zstd_frame([RAW_LINES[0], *bomb, RAW_LINES[1]], 20))
    else:
        path = tmp_path / "in.jsonl.gz"
        parts = (LINES[0], b'{"id": "', *[b"x" * (1 << 20)] * 128, b'"}\n', LINES[1])
        members = {part: gzip.compress(part) for part in parts}
        path.write_bytes(b"".join(members[part] for part in parts))
    tracemalloc.start()
    try:
        told = account(path, tmp_path / "store", max_chars=1_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [row["doc_id"] for row in told.accepted] == ["d0", "d1"]
    assert [(row["row"], row["reason"]) for row in told.rejected] == [(1, "oversized")]
    assert "more than the 16,783,216 that are read" in told.rejected[0]["detail"]
    assert peak < 170 * 2**20


def test_a_parquet_value_that_is_too_large_takes_no_memory_of_python(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    texts = ["good", "x" * 17_000_000, "good too"]
    table = pa.table({"id": ["a", "b", "c"], "text": texts, "site": ["s"] * 3})
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    told = account(path, tmp_path / "store", Columns(metadata=("site",)), max_chars=1_000)
    assert [(row["doc_id"], row["reason"]) for row in told.rejected] == [("b", "oversized")]
    assert [row["doc_id"] for row in told.accepted] == ["a", "c"]


def test_metadata_counts_towards_the_size_of_a_range(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    rows = [{"id": f"d{number}", "text": "short", "page": "x" * 400_000} for number in range(12)]
    path.write_text("\n".join(map(json.dumps, rows)))
    (source,) = list_shards([Input(path=path, columns=Columns(metadata=("page",)))])
    finished = ingest(source, Store(tmp_path / "store"), "web", 1_000, lambda rows: None)
    assert [rows.stop - rows.start for rows in finished.ranges] == [3, 3, 3, 3]


GOOD = b'{"id": "good", "text": "some text"}\n'
ODD_LINES: dict[str, tuple[bytes, dict[str, int]]] = {
    "nothing": (b"", {}),
    "blank lines": (b"\n\n  \n" + GOOD + b"\n\t\n", {}),
    "line feed missing at the end": (GOOD + b'{"id": 2, "text": "x"}', {}),
    "carriage returns and line feeds": (GOOD.replace(b"\n", b"\r\n") + b'{"id": 2, "text": "x"}\r\n', {}),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, {}),
    "byte order marks of files joined": (
        b"\xef\xbb\xbf" + GOOD + b'\xef\xbb\xbf{"id": 2, "text": "x"}\n',
        {},
    ),
    "separators of Unicode": (
        '{"id": "a\u2028b", "text": "c\u2029d\u0085e\u000bf"}\n'.replace("\u000b", "\\u000b").encode(),
        {},
    ),
    "NUL padding": (GOOD + b"\0" * 4_096, {"unreadable": 1}),
    "NUL padding in the middle": (GOOD + b"\0" * 9 + b'{"id": 2, "text": "x"}\n', {"unreadable": 1}),
    "a row of Latin-1": (GOOD + '{"id": 2, "text": "é"}\n'.encode("latin-1"), {"unreadable": 1}),
    "a key twice": (GOOD + b'{"id": 2, "text": "x", "text": "y"}\n', {"unreadable": 1}),
    "a key twice with one value": (b'{"id": 2, "text": "x", "text": "x"}\n', {}),
    "a key twice that is not read": (b'{"id": 2, "text": "x", "tag": 1, "tag": 2}\n', {}),
    "numbers": (GOOD + b'{"id": 2, "text": "x", "n": ' + b"9" * 5_000 + b"}\n", {"unreadable": 1}),
    "nesting": (GOOD + b'{"id": 2, "text": "x", "site": ' + b"[" * 100_000 + b"\n", {"unreadable": 1}),
    "nesting that is closed": (
        GOOD
        + b'{"id": 2, "text": "x", "site": '
        + b"[" * 900
        + b"]" * 900
        + b"}\n"
        + b'{"id": 3, "text": "x"}\n',
        {},
    ),
    "numbers that JSON lacks": (b'{"id": 1, "text": "x", "site": [NaN, {"a": -Infinity}, 1e999]}\n', {}),
    "half of a surrogate pair": (
        b'{"id": "\\ud800", "text": "x", "site": {"\\udc00": "\\ud801"}}\n{"id": 2, "text": "\\ud800"}\n',
        {"unreadable": 1},
    ),
    "escapes of a terminal": (
        b'{"id": "\\u001b[31m", "text": 1}\n{"id": "\\u202e\\u001b]0;x\\u0007", "text": 1}\n{"\x1b[2J": 1\n',
        {"not_text": 2, "unreadable": 1},
    ),
    "other JSON": (b'7\n"x"\nnull\n[1]\n{}\n' + GOOD, {"unreadable": 4, "missing_text": 1}),
    "other types": (
        b'{"id": 1, "text": 7}\n{"id": 2, "text": ["a", null]}\n{"id": 3, "text": {}}\n{"text": "x"}\n',
        {"not_text": 3, "missing_id": 1},
    ),
    "the same id": (GOOD + GOOD, {"duplicate_id": 1}),
}


@pytest.mark.parametrize("name", ODD_LINES)
def test_odd_lines_are_rows_or_rejected_rows(name: str, tmp_path: Path) -> None:
    content, reasons = ODD_LINES[name]
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    told = account(path, tmp_path / "store", Columns(metadata=("site",)))
    assert told.reasons == reasons
    assert told.report.rows == sum(bool(line.strip()) for line in content.split(b"\n"))


OTHER_LAYOUTS: dict[str, tuple[bytes, str]] = {
    **{
        f"{encoding}{' with a mark' if mark else ''}": (
            (mark + GOOD.decode() * 3).encode(encoding),
            "iconv -f UTF-",
        )
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        for mark in ("", "\ufeff")
    },
    "an array": (json.dumps(ROWS[:9]).encode(), "jq -c '.[]'"),
    "an array over lines": (json.dumps(ROWS[:9], indent=1).encode(), "jq -c '.[]'"),
    "an array with a mark": (b"\xef\xbb\xbf" + json.dumps(ROWS[:9], indent=1).encode(), "jq -c '.[]'"),
    "an object over lines": (json.dumps(ROWS[0], indent=1).encode(), "jq -c '.'"),
    "carriage returns": (JSONL[:2_000].replace(b"\n", b"\r"), "tr"),
}


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
@pytest.mark.parametrize("name", OTHER_LAYOUTS)
def test_a_file_of_another_layout_is_refused_with_what_converts_it(
    name: str, ending: str, tmp_path: Path
) -> None:
    content, remedy = OTHER_LAYOUTS[name]
    path = tmp_path / f"in{ending}"
    pack = {".jsonl": _plain, ".jsonl.gz": gzip.compress, ".jsonl.zst": _zst}[ending]
    path.write_bytes(pack(content))
    assert remedy in str(account_or_refusal(path, tmp_path / "store"))


def test_every_piece_of_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(JSONL.decode().encode("utf-16"))
    store = Store(tmp_path / "store")
    shards = list_shards([Input(path=path, shard_bytes=40_000)], store.group_log("web"))
    assert len(shards) > 1
    for source in shards:
        with pytest.raises(InputError, match="UTF-16"):
            ingest(source, store, "web", 64, lambda rows: None)


def _latin(*texts: bytes) -> pa.Array:
    """A column of text of which some is not UTF-8, as careless writers leave it."""
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in _offsets(texts)))
    return pa.StringArray.from_buffers(len(texts), offsets, pa.py_buffer(b"".join(texts)))


def _offsets(texts: tuple[bytes, ...]) -> list[int]:
    return [sum(map(len, texts[:number])) for number in range(len(texts) + 1)]


_IDS, _TEXTS = ["a", "b"], ["one", "two"]
_FAR = pa.array([253_402_300_800_000_000, 1], pa.int64())  # the first microsecond of the year 10000
_MAP = pa.map_(pa.string(), pa.binary())
ODD_COLUMNS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "text that is not UTF-8": ({"id": _IDS, "text": _latin(b"caf\xe9", b"tea")}, {"unreadable": 1}),
    "another column that is not UTF-8": (
        {"id": _IDS, "text": _TEXTS, "more": _latin(b"\xff\xfe", b"")},
        {"unreadable": 1},
    ),
    "an id that is not UTF-8": ({"id": _latin(b"\xe9", b"b"), "text": _TEXTS}, {"unreadable": 1}),
    "the year 10000": (
        {"id": _IDS, "text": _TEXTS, "more": _FAR.cast(pa.timestamp("us"))},
        {"unreadable": 1},
    ),
    "the year 10000 in ids": ({"id": _FAR.cast(pa.timestamp("us")), "text": _TEXTS}, {}),
    "a time zone that is none": (
        {"id": _IDS, "text": _TEXTS, "more": pa.array([1, 2], pa.timestamp("us", "Mars/Olympus"))},
        {"unreadable": 2},
    ),
    "dictionaries": (
        {"id": pa.array(_IDS).dictionary_encode(), "text": pa.array(_TEXTS).dictionary_encode()},
        {},
    ),
    "views": ({"id": pa.array(_IDS, pa.string_view()), "text": pa.array(_TEXTS, pa.string_view())}, {}),
    "large types": (
        {"id": pa.array(_IDS, pa.large_string()), "text": pa.array(_TEXTS, pa.large_string())},
        {},
    ),
    "fixed sizes": (
        {
            "id": pa.array([b"aa", b"bb"], pa.binary(2)),
            "text": pa.array([["x"], ["y"]], pa.list_(pa.string(), 1)),
        },
        {},
    ),
    "lists of lines": ({"id": _IDS, "text": [["one", "two"], []]}, {"empty_text": 1}),
    "lists of lists": ({"id": _IDS, "text": [[["one"]], [["two"]]]}, {"not_text": 2}),
    "lists with nulls": ({"id": _IDS, "text": [["one", None], ["two"]]}, {"not_text": 1}),
    "bytes": ({"id": _IDS, "text": [b"one", b"caf\xe9"]}, {"not_text": 1}),
    "nulls": ({"id": ["a", None, "c"], "text": [None, "two", "three"]}, {"missing_text": 1, "missing_id": 1}),
    "timestamps for texts": ({"id": _IDS, "text": [dt.datetime(2024, 1, 1)] * 2}, {"not_text": 2}),
    "numbers that JSON lacks": ({"id": _IDS, "text": _TEXTS, "more": [float("nan"), float("-inf")]}, {}),
    "durations": ({"id": _IDS, "text": _TEXTS, "more": pa.array([1, 2], pa.duration("ns"))}, {}),
    "decimals": ({"id": _IDS, "text": _TEXTS, "more": [Decimal("1.10"), None]}, {}),
    "maps": ({"id": _IDS, "text": _TEXTS, "more": pa.array([[("k", b"\xff")], []], _MAP)}, {}),
    "structs": ({"id": _IDS, "text": _TEXTS, "more": [{"a": [{"b": float("inf")}]}, None]}, {}),
    "a dot in a name": ({"id": _IDS, "text": _TEXTS, "more.less": _TEXTS, "more": [{"less": 1}, None]}, {}),
    "no rows": ({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}, {}),
}


@pytest.mark.parametrize("name", ODD_COLUMNS)
def test_odd_parquet_columns_are_rows_or_rejected_rows(name: str, tmp_path: Path) -> None:
    columns, reasons = ODD_COLUMNS[name]
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(columns), path)
    told = account(path, tmp_path / "store", Columns(metadata=tuple(set(columns) - {"id", "text"})))
    assert told.reasons == reasons
    assert told.report.rows == rows_counted_by_duckdb(path)
    for row in told.rejected:
        assert row["reason"] != "unreadable" or row["detail"].startswith("column "), "the column is named"


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table([_IDS, _TEXTS, _TEXTS], names=["id", "text", "text"]), path)
    assert "two columns text" in str(account_or_refusal(path, tmp_path / "store"))


NAMES = [
    "a b.jsonl",
    "a#b%41.jsonl",
    "a|b,c.jsonl",
    "$(x).jsonl",
    "UPPER.JSONL",
    "c4-train.json.gz",
    "y.ndjson",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_decides_nothing_but_the_format(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(JSONL) if name.endswith(".gz") else JSONL)
    assert account(path, tmp_path / "store").report.accepted == len(ROWS)
    path.write_bytes(b"broken")
    told = account_or_refusal(path, tmp_path / "broken")
    assert "damaged" in told if isinstance(told, str) else told.reasons == {"unreadable": 1}


def _cases() -> list[Path]:
    return sorted(
        path
        for path in CASES.rglob("*")
        if path.is_file() and format_of(path.name) and path.name[0] not in "._"
    )


@pytest.mark.skipif(not CASES.is_dir(), reason="no collection of odd inputs beside this repository")
def test_every_case_gives_rows_or_reasons_or_one_line(tmp_path: Path) -> None:
    told = Counter(
        type(account_or_refusal(path, tmp_path / str(number), _all_columns(path)))
        for number, path in enumerate(_cases())
    )
    assert told[Account]
    assert told[str]


def _all_columns(path: Path) -> Columns:
    try:
        names = pq.read_schema(path).names if format_of(path.name) == format_of(".parquet") else []
    except (OSError, pa.ArrowException):
        names = []
    return Columns(metadata=tuple(dict.fromkeys(name for name in names if name not in ("id", "text"))))


def refine(path: Path, output: Path, *more: str) -> int:
    """Run `prox refine` with refiners that are not there: whoever gets to them is told so."""
    refiners = ("--doc-refiner", "no-such-folder", "--chunk-refiner", "no-such-folder")
    return main(["refine", str(path), "--output", str(output), *refiners, *more])


@pytest.mark.parametrize(
    ("rows", "arguments", "expected"),
    [
        ([{"text": "x"}] * 3, (), "no row of 3 has the column id; the rows have: text."),
        ([{"id": 1, "body": "x"}], (), "has the column text; the rows have: id, body."),
        (
            [{"id": 1, "text": "x"}],
            ("--text-column", "txet"),
            "has the column txet; the rows have: id, text.",
        ),
        ([{"text": "x"}] * 1_500, (), "none of the first 1,000 rows has the column id"),
        ([{"\x1b[2J": 1}], (), "the rows have: \\x1b[2J."),
        ([{f"c{n}": 1 for n in range(500)}], (), "c19 and 480 more."),
    ],
)
def test_a_column_in_no_row_is_one_line_before_anything_is_loaded(
    rows: list[dict[str, Any]],
    arguments: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert refine(path, tmp_path / "out", *arguments) == 1
    message = capsys.readouterr().err
    assert expected in message
    assert "`columns` in the catalogue, or pass --id-column and --text-column" in message
    assert message.count("\n") == 1
    assert SAFE.fullmatch(message.strip())


def test_a_parquet_column_that_is_missing_is_one_line_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": ["a"], "body": ["x"]}), path)
    assert refine(path, tmp_path / "out") == 1
    assert "no column text; the file has id, body" in capsys.readouterr().err


def test_columns_that_occur_late_or_in_one_file_of_many_are_no_reason_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(b"broken\n" * 5 + b'{"id": 1}\n')
    (tmp_path / "in" / "b.jsonl").write_bytes(GOOD)
    assert refine(tmp_path / "in", tmp_path / "out") == 1
    assert "prox.json is missing" in capsys.readouterr().err


def test_an_optional_column_that_no_row_has_is_in_the_report(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(JSONL)
    told = account(path, tmp_path / "store", Columns(url="link", metadata=("text",)))
    assert told.report.absent_columns == ("link",)
    assert "columns that no row has: link" in told.report.lines("in")[-1]
    assert "No row has the column link" in distrust({"in": told.report}, 0.1)[0]
    other = IngestReport(3, 3)
    assert distrust({"in": told.report, "other": other}, 0.1) == [], "another shard has it"


def test_shards_without_documents_and_shards_with_too_many_rejected_rows_are_distrusted(
    tmp_path: Path,
) -> None:
    contents = {"good": GOOD, "empty": b"", "bad": GOOD + b"broken\n" * 2, "none": b'{"id": 1, "text": 2}\n'}
    reports = {}
    for name, content in contents.items():
        (tmp_path / f"{name}.jsonl").write_bytes(content)
        reports[name] = account(tmp_path / f"{name}.jsonl", tmp_path / "store").report
    assert distrust({"good": reports["good"]}, 0.0) == []
    assert distrust({"bad": reports["bad"]}, 0.7) == []
    (reason,) = distrust(reports, 0.1)
    assert "empty has no rows" in reason
    assert "bad: 2 of 3 rows were rejected (unreadable 2), and at most 10% may be" in reason
    assert "none: 1 of 1 rows were rejected (not_text 1)" in reason
    assert "raise max_rejected_share" in reason
    assert "good" not in reason
    nothing = {name: reports[name] for name in ("empty", "none")}
    (reason,) = distrust(nothing, 0.1)
    assert reason.endswith(". Correct the input."), "no share lets a shard without documents pass"


def test_what_needs_a_dictionary_or_a_key_is_not_called_damaged_alone(tmp_path: Path) -> None:
    dictionary = zstandard.ZstdCompressionDict(GOOD * 100, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    (tmp_path / "in.jsonl.zst").write_bytes(zstandard.ZstdCompressor(dict_data=dictionary).compress(GOOD * 9))
    (tmp_path / "in.parquet").write_bytes(b"PARE" + bytes(64) + (64).to_bytes(4, "little") + b"PARE")
    with pytest.raises(InputError, match="or it was compressed with a dictionary"):
        account(tmp_path / "in.jsonl.zst", tmp_path / "store")
    with pytest.raises(InputError, match="the Parquet file is encrypted; decrypt it first"):
        account(tmp_path / "in.parquet", tmp_path / "store")
