"""The store with S3 behind it, on a real S3 server: order of uploads, kills between them, other machines."""

import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from prox_assets.config import Catalogue, Storage
from prox_assets.documents.filesystem import FoundFile
from prox_assets.documents.remote import Remote
from prox_assets.documents.sources import Group
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store, open_store
from prox_assets.errors import StoreError
from prox_assets_tests.s3 import SECRET, client

KEY = ShardKey("web", "raw_documents", "part-0")
RANGES = tuple(RowRange(start, start + 10) for start in (0, 10, 20))


class Killed(BaseException):
    """What stands for a kill: nothing may catch it."""


class DyingClient:
    """A real client of S3 that keeps a list of what it stored and dies before upload number `last`."""

    def __init__(self, last: int = 10_000) -> None:
        self.real, self.last = client(), last
        self.stored: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def put_object(self, **request: Any) -> Any:
        if len(self.stored) == self.last:
            raise Killed
        answer = self.real.put_object(**request)
        self.stored.append(request["Key"])
        return answer


def _store(root: Path, bucket: str, s3: Any = None) -> Store:
    return Store(root, Remote(root, f"s3://{bucket}/team/a", (lambda: s3) if s3 else client))


def _table(rows: RowRange) -> pa.Table:
    return pa.table(
        {"row": list(range(rows.start, rows.stop)), "text": ["x" * 50] * (rows.stop - rows.start)}
    )


def _work(store: Store, computed: list[RowRange]) -> FinishedShard:
    """Do the ranges that are not committed yet, as the stages do."""
    writer = store.writer(KEY, {"threshold": 0.5})
    for rows in RANGES:
        if not writer.is_committed(rows):
            computed.append(rows)
            writer.commit(rows, _table(rows), {"rejected": _table(rows)}, {"seconds": time.perf_counter()})
    return writer.finish()


def _objects(bucket: str) -> Iterator[str]:
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (one["Key"] for one in page.get("Contents", ()))


def test_uploads_follow_the_order_of_the_commit_rules(tmp_path: Path, bucket: str) -> None:
    s3 = DyingClient()
    finished = _work(_store(tmp_path, bucket, s3), [])
    names = [key.rsplit("/", 1)[-1] for key in s3.stored]
    expected = [
        name
        for rows in RANGES
        for name in (f"{rows.name}.cost.json", f"{rows.name}.rejected.parquet", f"{rows.name}.parquet")
    ]
    assert names == [*expected, "manifest.json", "current.json"]
    assert s3.stored[0] == f"team/a/web/raw_documents/part-0/{finished.fingerprint}/{names[0]}"


def test_a_run_killed_before_any_upload_is_finished_elsewhere_with_the_same_bytes(
    tmp_path: Path, bucket: str
) -> None:
    whole = _work(Store(tmp_path / "alone"), [])
    for last in range(11):
        place = f"{bucket}/{last}"
        with pytest.raises(Killed):
            _work(_store(tmp_path / f"{last}-first", place, DyingClient(last)), [])
        with pytest.raises(StoreError, match="materialize raw_documents"):
            _store(tmp_path / f"{last}-reader", place).shard(KEY)
        computed: list[RowRange] = []
        elsewhere = _work(_store(tmp_path / f"{last}-second", place), computed)
        assert computed == list(RANGES[min(last, 9) // 3 :]), (
            "a range whose main file is in S3 is not done again"
        )
        here = _work(_store(tmp_path / f"{last}-first", place), computed)
        assert len(computed) == len(RANGES[min(last, 9) // 3 :]), "nor one that was only here"
        for finished in (elsewhere, here, _store(tmp_path / f"{last}-reader", place).shard(KEY)):
            assert finished.fingerprint == whole.fingerprint
            assert _parts(finished) == _parts(whole)
            assert len(finished.costs()) == len(RANGES)


def _parts(finished: FinishedShard) -> list[bytes]:
    return [path.read_bytes() for kind in ("", "rejected") for path in finished.paths(kind)]


def test_a_range_that_was_only_here_is_put_into_s3_and_not_done_again(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(Killed):
        _work(_store(tmp_path / "a", bucket, DyingClient(1)), [])
    computed: list[RowRange] = []
    _work(_store(tmp_path / "a", bucket), computed)
    assert computed == list(RANGES[1:])
    assert _store(tmp_path / "b", bucket).shard(KEY).rows == 30


def test_runs_that_were_finished_elsewhere_are_known_and_open(tmp_path: Path, bucket: str) -> None:
    first = _work(_store(tmp_path / "a", bucket), [])
    writer = _store(tmp_path / "a", bucket).writer(KEY, {"threshold": 0.9})
    writer.commit(RANGES[0], _table(RANGES[0]))
    second = writer.finish()
    unfinished = _store(tmp_path / "a", bucket).writer(KEY, {"threshold": 0.1})
    unfinished.commit(RANGES[0], _table(RANGES[0]))
    elsewhere = _store(tmp_path / "b", bucket)
    assert elsewhere.runs(KEY) == sorted([first.fingerprint, second.fingerprint])
    assert elsewhere.shard(KEY).fingerprint == second.fingerprint
    assert _parts(elsewhere.run(KEY, first.fingerprint)) == _parts(first)


@pytest.mark.parametrize("finished", [True, False])
def test_a_truncated_or_altered_object_is_noticed(tmp_path: Path, bucket: str, finished: bool) -> None:
    s3 = DyingClient(10_000 if finished else 9)
    if finished:
        folder = _work(_store(tmp_path / "a", bucket, s3), []).folder
    else:
        with pytest.raises(Killed):
            _work(_store(tmp_path / "a", bucket, s3), [])
        (folder,) = (tmp_path / "a" / "web" / "raw_documents" / "part-0").iterdir()
    (key,) = [key for key in _objects(bucket) if key.endswith(f"{RANGES[1].name}.parquet")]
    right = (folder / f"{RANGES[1].name}.parquet").read_bytes()
    altered = right[:-20] + bytes([right[-20] ^ 1]) + right[-19:]
    for number, wrong in enumerate((right[:-7], altered)):
        client().put_object(Bucket=bucket, Key=key, Body=wrong)
        with pytest.raises(StoreError, match="is not what was stored there"):
            other = _store(tmp_path / f"b{number}", bucket)
            other.shard(KEY) if finished else _work(other, [])
        assert not list((tmp_path / f"b{number}").rglob(f"*{RANGES[1].name}.parquet"))
        assert not list((tmp_path / f"b{number}").rglob("manifest.json"))


def test_readers_go_on_with_the_former_shard_until_the_new_one_is_whole_in_s3(
    tmp_path: Path, bucket: str
) -> None:
    before = _work(_store(tmp_path / "a", bucket), [])
    reader = _store(tmp_path / "b", bucket)
    assert reader.shard(KEY).fingerprint == before.fingerprint
    writer = _store(tmp_path / "a", bucket).writer(KEY, {"threshold": 0.6})
    writer.commit(RANGES[0], _table(RANGES[0]))
    assert reader.shard(KEY).fingerprint == before.fingerprint
    after = writer.finish()
    assert reader.shard(KEY).fingerprint == after.fingerprint != before.fingerprint
    assert [shard.fingerprint for shard in reader.shards("web", "raw_documents")] == [after.fingerprint]


def test_an_artifact_is_built_once_for_all_machines(tmp_path: Path, bucket: str) -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "checkpoint").mkdir()
        (folder / "checkpoint" / "model.safetensors").write_bytes(bytes(9 << 20))
        (folder / "prox.json").write_text("{}")

    with pytest.raises(Killed):
        _store(tmp_path / "a", bucket, DyingClient(0)).publish("web", "doc_refiner", {"v": 1}, build)
    reader = _store(tmp_path / "b", bucket)
    with pytest.raises(StoreError, match="materialize doc_refiner for web first"):
        reader.artifact("web", "doc_refiner")
    first = _store(tmp_path / "a", bucket).publish("web", "doc_refiner", {"v": 1}, build)
    again = _store(tmp_path / "c", bucket).publish("web", "doc_refiner", {"v": 1}, build)
    found = reader.artifact("web", "doc_refiner")
    assert (len(built), again.reused) == (1, True)
    for one in (again, found):
        assert (one.folder / "checkpoint" / "model.safetensors").stat().st_size == 9 << 20
    assert reader.configuration(found) == {"v": 1}
    assert found.fingerprint == first.fingerprint


def test_a_group_is_closed_by_one_machine_only(tmp_path: Path, bucket: str) -> None:
    one, two = (Group(name, (FoundFile(f"s3://x/{name}.jsonl", f"{name}.jsonl", 1, 0.0),)) for name in "ab")
    here, there = (_store(tmp_path / name, bucket).group_log("web") for name in ("a", "b"))
    assert here.add([one], known=0)
    assert not there.add([two], known=0), "the other one's group is seen first"
    assert there.add([two], known=1)
    assert here.groups() == there.groups() == (one, two)


def test_a_writer_goes_to_other_processes_without_its_connection(tmp_path: Path, bucket: str) -> None:
    writer = _store(tmp_path, bucket).writer(KEY, {})
    content = pickle.dumps(writer)
    assert SECRET.encode() not in content
    pickle.loads(content).commit(RANGES[0], _table(RANGES[0]))
    assert any(key.endswith(f"{RANGES[0].name}.parquet") for key in _objects(bucket))


def test_what_s3_answers_is_one_sentence(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match=r"s3://not-a-bucket-of-ours/.*Correct storage\.remote"):
        Store(tmp_path, Remote(tmp_path, "s3://not-a-bucket-of-ours", client)).shards("web", "raw_documents")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(StoreError, match="Give AWS credentials by the environment"):
        open_store(Storage(local=tmp_path, remote=f"s3://{bucket}/x")).shard(KEY)


def test_nothing_secret_is_stored(tmp_path: Path, bucket: str) -> None:
    _work(open_store(Storage(local=tmp_path, remote=f"s3://{bucket}/x")), [])
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    files += [client().get_object(Bucket=bucket, Key=key)["Body"].read() for key in _objects(bucket)]
    assert len(files) > 10
    assert not any(word in content for content in files for word in (SECRET.encode(), b"a-key-id"))


def test_a_catalogue_says_where_a_team_shares(tmp_path: Path) -> None:
    fields = {"domains": {"web": {"inputs": [{"path": "x"}], "teacher": {"kind": "rules"}}}}
    plain = Catalogue.model_validate(fields | {"storage": "/fast/disk"})
    assert (plain.storage.local, plain.storage.remote) == (Path("/fast/disk"), None)
    shared = Catalogue.model_validate(fields | {"storage": {"local": "/fast", "remote": "s3://b/p"}})
    assert (shared.storage.local, shared.storage.remote) == (Path("/fast"), "s3://b/p")
    assert json.loads(shared.model_dump_json())["storage"]["remote"] == "s3://b/p"
