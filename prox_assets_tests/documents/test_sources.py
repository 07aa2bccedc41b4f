import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prox_assets.config import Input
from prox_assets.documents.discovery import SkipReason
from prox_assets.documents.filesystem import FoundFile
from prox_assets.documents.formats.readers import read_rows
from prox_assets.documents.ingest import ingest
from prox_assets.documents.sources import (
    Arrival,
    Group,
    GroupLog,
    Listing,
    ShardSource,
    arrived_shards,
    known_shards,
    list_shards,
)
from prox_assets.documents.store import Store
from prox_assets.errors import InputError
from prox_assets_tests.s3 import client

NOW = 1_000_000.0
LATER = Arrival(NOW)


def _lines(first: int, count: int) -> bytes:
    return b"".join(b'{"id": "d%d", "text": "text %d"}\n' % (n, n) for n in range(first, first + count))


def _file(path: Path, content: bytes, age: float = 100_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def _ids(source: ShardSource) -> list[object]:
    return [row.values["id"] for row in read_rows(source) if row.values]


def _reasons(listing: Listing) -> dict[str, SkipReason]:
    return {Path(one.place).name: one.reason for one in listing.skipped}


def test_small_files_are_grouped_up_to_the_size_and_stay_together(tmp_path: Path) -> None:
    log = GroupLog(tmp_path / "groups")
    for number in range(5):
        _file(tmp_path / "in" / f"p{number}.jsonl", b"x" * 100)
    one = Input(path=tmp_path / "in", shard_bytes=250)
    first = arrived_shards([one], log, LATER)
    sizes = [len(source.parts) for source in first.shards]
    assert sizes == [2, 2, 1]
    assert [source.name.rsplit(".", 1)[0] for source in first.shards] == [
        "p0.2-files",
        "p2.2-files",
        "p4.1-files",
    ]
    _file(tmp_path / "in" / "p0-earlier-in-order.jsonl", b"x" * 10)
    second = arrived_shards([one], log, LATER)
    assert [source for source in second.shards if source in first.shards] == first.shards
    (new,) = [source for source in second.shards if source not in first.shards]
    assert [Path(part.place).name for part in new.parts] == ["p0-earlier-in-order.jsonl"]
    assert known_shards([one], log).shards == second.shards


def test_a_group_that_is_not_full_waits(tmp_path: Path) -> None:
    log = GroupLog(tmp_path / "groups")
    one = Input(path=tmp_path / "in", shard_bytes=250, group_wait=600)
    _file(tmp_path / "in" / "a.jsonl", b"x" * 100, age=500)
    waiting = arrived_shards([one], log, LATER)
    assert (waiting.shards, _reasons(waiting)) == ([], {"a.jsonl": SkipReason.WAITING})
    assert known_shards([one], log).shards == []
    (closed,) = arrived_shards([one], log, Arrival(NOW + 100)).shards
    assert [Path(part.place).name for part in closed.parts] == ["a.jsonl"]
    _file(tmp_path / "in" / "b.jsonl", b"x" * 100, age=100)
    later = arrived_shards([one], log, Arrival(NOW + 200))
    assert later.shards == [closed], "what comes later begins a new group"
    (opened,) = set(list_shards([one], log)) - {closed}
    assert [Path(part.place).name for part in opened.parts] == ["b.jsonl"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrivals=st.lists(
        st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 90), max_size=6), max_size=6
    ),
    data=st.data(),
)
def test_whatever_arrives_no_file_ever_changes_its_shard(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[dict[str, int]], data: st.DataObject
) -> None:
    home = tmp_path_factory.mktemp("arrivals")
    log = GroupLog(home / "groups")
    one = Input(path=home / "in", shard_bytes=100, group_wait=50)
    shard_of: dict[str, str] = {}
    now = NOW
    _file(home / "in" / "zz.jsonl", b"x")
    for files in arrivals:
        for name, size in files.items():
            if not (home / "in" / f"{name}.jsonl").exists():
                _file(home / "in" / f"{name}.jsonl", b"x" * size, age=data.draw(st.integers(0, 200)))
        now += data.draw(st.integers(0, 100))
        listing = arrived_shards([one], log, Arrival(now))
        found = {part.place: source.name for source in listing.shards for part in source.parts}
        assert sum(len(source.parts) for source in listing.shards) == len(found), "a file is in one shard"
        assert shard_of.items() <= found.items()
        assert all(sum(part.size for part in source.parts) <= 100 for source in listing.shards)
        shard_of = found
    everything = list_shards([one], log)
    assert len({part.place for source in everything for part in source.parts}) == len(
        list((home / "in").iterdir())
    )


def test_who_decides_second_must_look_again(tmp_path: Path) -> None:
    log, other = GroupLog(tmp_path / "groups"), GroupLog(tmp_path / "groups")
    one, two = (Group(name, (FoundFile(f"/{name}.jsonl", f"{name}.jsonl", 1, 0.0),)) for name in "ab")
    assert other.add([one], known=0)
    assert not log.add([two], known=0)
    assert log.add([two], known=1)
    assert other.groups() == (one, two)


def test_a_shard_of_many_files_numbers_its_rows_through(tmp_path: Path) -> None:
    _file(tmp_path / "in" / "a.jsonl", _lines(0, 3))
    _file(tmp_path / "in" / "b.jsonl.gz", gzip.compress(_lines(3, 2)))
    pq.write_table(pa.table({"id": ["d5", "d6"], "text": ["x", "y"]}), tmp_path / "in" / "c.parquet")
    store = Store(tmp_path / "store")
    (source,) = list_shards([Input(path=tmp_path / "in", shard_bytes=10_000)], store.group_log("web"))
    finished = ingest(source, store, "web", 2, lambda rows: None)
    rows = [row for path in finished.paths() for row in pq.read_table(path).to_pylist()]
    assert [(row["row"], row["doc_id"]) for row in rows] == [(n, f"d{n}") for n in range(7)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.integers(0, 60), min_size=1, max_size=30),
    shard_bytes=st.integers(5, 400),
    newline=st.booleans(),
)
def test_the_pieces_of_a_file_of_lines_have_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[int], shard_bytes: int, newline: bool
) -> None:
    home = tmp_path_factory.mktemp("lines")
    content = b"\n".join(json.dumps({"id": n, "pad": "x" * pad}).encode() for n, pad in enumerate(lines))
    _file(home / "in" / "big.jsonl", content + b"\n" * newline)
    sources = list_shards([Input(path=home / "in", shard_bytes=shard_bytes)], GroupLog(home / "groups"))
    assert [one for source in sources for one in _ids(source)] == list(range(len(lines)))
    if len(content) > shard_bytes:
        assert len(sources) == -(-(len(content) + newline) // shard_bytes)


@pytest.mark.parametrize(("rows_in_group", "pieces"), [(100, 10), (1_000, 9), (37, 9)])
def test_a_large_parquet_file_is_cut_between_row_groups_or_inside_one(
    tmp_path: Path, rows_in_group: int, pieces: int
) -> None:
    table = pa.table(
        {"id": [f"d{n}" for n in range(1000)], "text": [os.urandom(50).hex() for _ in range(1000)]}
    )
    (tmp_path / "in").mkdir()
    where = tmp_path / "in" / "big.parquet"
    pq.write_table(table, where, row_group_size=rows_in_group, compression="none", use_dictionary=False)
    one = Input(path=tmp_path / "in", shard_bytes=where.stat().st_size // 10 + 1500)
    sources = list_shards([one], GroupLog(tmp_path / "groups"))
    assert len(sources) == pieces
    assert [doc for source in sources for doc in _ids(source)] == table["id"].to_pylist()
    store = Store(tmp_path / "store")
    prints = {ingest(source, store, "web", 64, lambda rows: None).fingerprint for source in sources}
    assert len(prints) == len(sources)


def test_each_file_that_is_no_shard_says_why_and_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in (
        "good.jsonl",
        "notes.txt",
        "_SUCCESS",
        ".part.jsonl",
        "a b.jsonl",
        "a|b.jsonl",
        "n" * 190 + ".jsonl",
    ):
        _file(folder / name, _lines(0, 1))
    _file(folder / "empty.jsonl", b"")
    _file(folder / "fresh.jsonl", _lines(0, 1), age=30)
    _file(folder / "broken.parquet", b"PAR1 no footer" * 100)
    _file(folder / "large.jsonl.gz", os.urandom(1_100))
    inputs = [
        Input(path=folder, shard_bytes=1_000, group_wait=0),
        Input(path=tmp_path / "nowhere"),
        Input(path=folder / "good.jsonl", prefix="second-"),
    ]
    listing = arrived_shards(inputs, GroupLog(tmp_path / "groups"), LATER)
    assert sorted(len(source.parts) for source in listing.shards) == [1, 3]
    reasons = _reasons(listing)
    assert reasons == {
        "notes.txt": SkipReason.UNKNOWN_KIND,
        "_SUCCESS": SkipReason.HIDDEN,
        ".part.jsonl": SkipReason.HIDDEN,
        "n" * 190 + ".jsonl": SkipReason.NO_NAME,
        "empty.jsonl": SkipReason.EMPTY,
        "fresh.jsonl": SkipReason.SETTLING,
        "broken.parquet": SkipReason.UNREADABLE,
        "large.jsonl.gz": SkipReason.UNSPLITTABLE,
        "nowhere": SkipReason.UNREADABLE,
    }
    (large,) = [one for one in listing.skipped if one.reason is SkipReason.UNSPLITTABLE]
    assert "write Parquet or plain .jsonl" in str(large)
    same = arrived_shards([Input(path=folder / "a*.jsonl")], None, LATER)
    assert (len(same.shards), [one.reason for one in same.skipped]) == (1, [SkipReason.SAME_NAME])
    with pytest.raises(InputError, match="too: give one of their inputs a prefix"):
        list_shards([Input(path=folder / "a*.jsonl")])


def test_names_may_come_from_the_whole_path(tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        _file(tmp_path / day / "part-0.jsonl", _lines(0, 1))
    named = list_shards([Input(path=tmp_path / "*" / "part-*.jsonl", named_by="path")])
    assert [source.name for source in named] == ["monday.part-0", "tuesday.part-0"]


def test_a_manifest_lists_the_files(tmp_path: Path) -> None:
    _file(tmp_path / "data" / "a.jsonl", _lines(0, 1))
    _file(tmp_path / "data" / "b.jsonl", _lines(1, 1))
    _file(tmp_path / "data" / "unlisted.jsonl", _lines(2, 1))
    listed = ["# a comment", "", "data/a.jsonl", '{"path": "data/b.jsonl"}', "data/gone.jsonl", '{"size": 7}']
    manifest = _file(tmp_path / "files.txt", "\n".join(listed).encode())
    listing = arrived_shards([Input(manifest=manifest)], None, LATER)
    assert [_ids(source) for source in listing.shards] == [["d0"], ["d1"]]
    assert {one.reason for one in listing.skipped} == {SkipReason.MISSING, SkipReason.UNREADABLE}
    assert "line 6" in str(listing.skipped[0])
    missing = known_shards([Input(manifest=tmp_path / "nothing.txt")])
    assert "this manifest cannot be read" in str(missing.skipped[0])


def test_s3_is_listed_and_read_like_a_folder(tmp_path: Path, bucket: str) -> None:
    table = pa.table({"id": [f"p{n}" for n in range(50)], "text": ["x"] * 50})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=20)
    objects = {
        "raw/a.jsonl": _lines(0, 3),
        "raw/b.jsonl.gz": gzip.compress(_lines(3, 2)),
        "raw/p.parquet": (tmp_path / "p.parquet").read_bytes(),
        "raw/notes.txt": b"no",
        "raw/deep/c.jsonl": _lines(5, 1),
    }
    for key, content in objects.items():
        client().put_object(Bucket=bucket, Key=key, Body=content)
    client().put_object(Bucket=bucket, Key="raw/list.txt", Body=b"deep/c.jsonl\n")

    def names(**where: str) -> list[str]:
        return [source.name for source in list_shards([Input.model_validate(where)])]

    assert names(path=f"s3://{bucket}/raw") == names(path=f"s3://{bucket}/raw/") == ["a", "b", "p"]
    assert names(path=f"s3://{bucket}/raw/*.jsonl") == ["a"]
    assert names(path=f"s3://{bucket}/**/*.jsonl", named_by="path") == ["raw.a", "raw.deep.c"]
    assert names(path=f"s3://{bucket}/raw/b.jsonl.gz") == ["b"]
    assert names(manifest=f"s3://{bucket}/raw/list.txt") == ["c"]
    store = Store(tmp_path / "store")
    one = Input(path=f"s3://{bucket}/raw", shard_bytes=60)
    sources = list_shards(
        [one.model_copy(update={"path": f"s3://{bucket}/raw/a.jsonl"})], store.group_log("web")
    )
    assert [doc for source in sources for doc in _ids(source)] == ["d0", "d1", "d2"]
    for source in list_shards([Input(path=f"s3://{bucket}/raw", rows_per_shard=None)]):
        ingest(source, store, "web", 2, lambda rows: None)
    assert [shard.rows for shard in store.shards("web", "raw_documents")] == [3, 2, 50]
    with pytest.raises(InputError, match="NO_SUCH_BUCKET"):
        list_shards([Input(path="s3://no-such-bucket-here/raw")])


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, bucket: str) -> None:
    client().put_object(Bucket=bucket, Key="raw/a.jsonl", Body=_lines(0, 3))
    local = _file(tmp_path / "in" / "a.jsonl", _lines(0, 3))
    found = [list_shards([Input(path=where)]) for where in (f"s3://{bucket}/raw", tmp_path / "in")]
    for number, (source,) in enumerate(found):

        def change(rows: int) -> None:
            _file(local, _lines(0, 4))
            client().put_object(Bucket=bucket, Key="raw/a.jsonl", Body=_lines(0, 4))

        with pytest.raises(
            InputError, match="changed while it was read; materialize raw_documents of a again"
        ):
            ingest(source, Store(tmp_path / f"store-{number}"), "web", 10, change)


def test_credentials_have_no_place_in_a_catalogue() -> None:
    for where in ("s3://id:secret@bucket/raw", "https://bucket/raw", "s3:///raw"):
        with pytest.raises(ValidationError) as refused:
            Input(path=where)
        assert "s3://" in str(refused.value) or "environment" in str(refused.value)
