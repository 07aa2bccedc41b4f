import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from prox_assets.config import Columns, Input
from prox_assets.documents.ingest import ingest
from prox_assets.documents.sources import list_shards
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.errors import InputError

COLUMNS = Columns(doc_id="key", text="body", url="link", metadata=("site", "score"))
ROWS = [
    {"key": "a", "body": "Straße\nzwei", "link": "http://x/1", "site": "s", "score": 2},
    {"key": "b", "body": "文字\n二", "link": None, "site": None, "score": None},
    {"key": "c", "body": "three", "link": "http://x/3", "site": "t", "score": 0},
]


def _ingest(folder: Path, store: Path, rows_per_commit: int = 2, **options: int) -> list[FinishedShard]:
    sources = list_shards([Input(path=folder, columns=COLUMNS, **options)])
    return [ingest(source, Store(store), "web", rows_per_commit, lambda rows: None) for source in sources]


def _documents(finished: FinishedShard) -> list[dict[str, object]]:
    return [row for path in finished.paths() for row in pq.read_table(path).to_pylist()]


def _rejected(finished: FinishedShard) -> list[tuple[int, str]]:
    return [
        (row["row"], row["reason"])
        for path in finished.paths("rejected")
        for row in pq.read_table(path).to_pylist()
    ]


def _write(folder: Path, name: str, lines: list[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    data = b"\n".join(lines) + b"\n"
    if name.endswith(".gz"):
        data = gzip.compress(data)
    if name.endswith(".zst"):
        data = zstandard.compress(data[:10]) + zstandard.compress(data[10:])
    (folder / name).write_bytes(data)


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet"])
def test_every_format_gives_the_same_documents(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        (tmp_path / "in").mkdir()
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "in" / "p.parquet")
    else:
        _write(tmp_path / "in", f"p.{ending}", [json.dumps(row).encode() for row in ROWS])
    (finished,) = _ingest(tmp_path / "in", tmp_path / "store")
    assert finished.key.shard == "p"
    documents = _documents(finished)
    assert [(row["row"], row["doc_id"], row["text"], row["url"]) for row in documents] == [
        (number, row["key"], row["body"], row["link"]) for number, row in enumerate(ROWS)
    ]
    assert json.loads(str(documents[0]["metadata"])) == {"site": "s", "score": 2}
    assert _rejected(finished) == []


def test_each_bad_row_is_kept_with_its_reason(tmp_path: Path) -> None:
    bad = [
        b'{"key": "ok", "body": "text"}',
        b'{"key": "x", "body": ',
        b'["a list"]',
        b'{"key": "x"}',
        b'{"key": "x", "body": 7}',
        b'{"key": "x", "body": " \\n\\t "}',
        b'{"key": "x", "body": "' + b"y" * 200 + b'"}',
        b'{"body": "no id"}',
        b'{"key": "ok", "body": "again"}',
        b'{"key": "x", "body": "\\ud800"}',
        b'{"key": "\xff", "body": "bad bytes"}',
        b'{"key": "last", "body": "text"}',
    ]
    _write(tmp_path / "in", "p.jsonl", bad)
    (finished,) = _ingest(tmp_path / "in", tmp_path / "store", rows_per_commit=5, max_chars=100)
    assert _rejected(finished) == [
        (1, "unreadable"),
        (2, "unreadable"),
        (3, "missing_text"),
        (4, "not_text"),
        (5, "empty_text"),
        (6, "oversized_text"),
        (7, "missing_id"),
        (8, "duplicate_id"),
        (9, "unreadable"),
        (10, "unreadable"),
    ]
    assert [row["row"] for row in _documents(finished)] == [0, 11]
    raw = pq.read_table(finished.paths("rejected")[1])["raw"].to_pylist()
    assert "y" * 200 in raw[1], "the row itself is kept"
    assert "\\xff" in pq.read_table(finished.paths("rejected")[2])["raw"].to_pylist()[0]


def test_a_list_of_lines_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": ["a"], "lines": [["one", "", "three"]]}), tmp_path / "in" / "p.parquet")
    (source,) = list_shards([Input(path=tmp_path / "in", columns=Columns(text="lines"))])
    finished = ingest(source, Store(tmp_path / "store"), "web", 2, lambda rows: None)
    assert _documents(finished)[0]["text"] == "one\n\nthree"


def test_a_large_parquet_file_is_split_by_rows(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    table = pa.table({"key": [f"d{n}" for n in range(1000)], "body": [f"text {n}" for n in range(1000)]})
    pq.write_table(table, tmp_path / "in" / "big.parquet", row_group_size=300)
    sources = list_shards(
        [Input(path=tmp_path / "in", columns=Columns(doc_id="key", text="body"), rows_per_shard=400)]
    )
    assert [source.name for source in sources] == ["big-00000", "big-00001", "big-00002"]
    ids = []
    for source in sources:
        finished = ingest(source, Store(tmp_path / "store"), "web", 64, lambda rows: None)
        documents = _documents(finished)
        assert documents[0]["row"] == 0
        ids += [row["doc_id"] for row in documents]
    assert ids == table["key"].to_pylist()


def test_a_file_that_is_no_such_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files ending in"):
        _ingest(tmp_path, tmp_path / "store")
    _write(tmp_path / "in", "p.jsonl.gz", [b"{}"])
    whole = (tmp_path / "in" / "p.jsonl.gz").read_bytes()
    (tmp_path / "in" / "p.jsonl.gz").write_bytes(whole[:-6])
    with pytest.raises(InputError, match="the file is damaged"):
        _ingest(tmp_path / "in", tmp_path / "store")
    (tmp_path / "in" / "p.jsonl.gz").unlink()
    pq.write_table(pa.table({"key": ["a"], "content": ["x"]}), tmp_path / "in" / "p.parquet")
    with pytest.raises(InputError, match="no column body, link, site, score; the file has key, content"):
        _ingest(tmp_path / "in", tmp_path / "store")


def test_two_files_of_one_name_need_a_prefix(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _write(tmp_path / name, "p.jsonl", [b"{}"])
    inputs = [Input(path=tmp_path / name, columns=COLUMNS) for name in ("a", "b")]
    with pytest.raises(InputError, match="give one of their inputs a prefix"):
        list_shards(inputs)
    named = [one.model_copy(update={"prefix": f"{one.path.name}-"}) for one in inputs]
    assert [source.name for source in list_shards(named)] == ["a-p", "b-p"]


def test_a_pipe_or_a_comma_never_reaches_a_partition_name(tmp_path: Path) -> None:
    _write(tmp_path, "a|b,c d.jsonl", [b"{}"])
    assert [source.name for source in list_shards([Input(path=tmp_path)])] == ["a_b_c_d"]


def test_an_empty_file_is_a_shard_without_rows(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "p.jsonl").write_bytes(b"")
    (finished,) = _ingest(tmp_path / "in", tmp_path / "store")
    assert finished.rows == 0
