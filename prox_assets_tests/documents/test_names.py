"""Names and values from outside: a hostile bucket, hostile files of the store, and the checks themselves."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from prox_assets.config import Input
from prox_assets.documents.names import inner_path, path_inside, plain_name
from prox_assets.documents.provenance import read_parts
from prox_assets.documents.remote import Remote
from prox_assets.documents.shards import ShardManifest, range_file
from prox_assets.documents.sources import known_shards
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.errors import StoreError
from prox_assets_tests.s3 import client

EVIL = [
    "",
    ".",
    "..",
    "../evil",
    "a/../../evil",
    "/tmp/evil",
    "a//evil",
    "a/./evil",
    "evil/",
    "..\\evil",
    "a\\b",
    "evil\0",
    "evil\n",
    "evil\x1b[31m",
    "evil\x9b",
    "e" * 256,
]
NO_TEXTS: list[Any] = [None, 7, ["evil"], {"evil": 1}, True]
KEY = ShardKey("web", "raw_documents", "part-0")
RANGE = RowRange(0, 10)
DIGEST = "0" * 64
FINGERPRINT = "0123456789abcdef"


@pytest.mark.parametrize("name", [*EVIL, *NO_TEXTS, "a/b"])
def test_only_plain_names_are_names(name: Any) -> None:
    with pytest.raises(StoreError, match=r"^current\.json: .*(Remove or correct)"):
        plain_name(name, "current.json")


@pytest.mark.parametrize("path", [*EVIL, *NO_TEXTS])
def test_only_inner_paths_are_paths(path: Any, tmp_path: Path) -> None:
    for check in (inner_path, lambda path, where: path_inside(tmp_path, path, where)):
        with pytest.raises(StoreError, match=r"^files\.json: .*(Remove or correct)"):
            check(path, "files.json")


@pytest.mark.parametrize("name", ["part-000", "新闻", "a b", "x" * 255, "...", ".hidden", "ä.parquet"])
def test_names_that_people_give_pass(name: str, tmp_path: Path) -> None:
    assert plain_name(name, "x") == name
    assert inner_path(f"deep/{name}", "x") == f"deep/{name}"
    assert path_inside(tmp_path, f"deep/{name}", "x") == tmp_path / "deep" / name


def test_no_link_below_a_folder_leads_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "storage" / "sub").mkdir(parents=True)
    (tmp_path / "storage" / "way-out").symlink_to(tmp_path)
    (tmp_path / "storage" / "inside").symlink_to(tmp_path / "storage" / "sub")
    (tmp_path / "mounted").symlink_to(tmp_path / "storage")
    with pytest.raises(StoreError, match="a symbolic link leads out of"):
        path_inside(tmp_path / "storage", "way-out/evil", "x")
    assert path_inside(tmp_path / "storage", "inside/fine", "x")
    assert path_inside(tmp_path / "mounted", "sub/fine", "x"), "the folder itself may be a link"


@pytest.mark.parametrize(
    "name", [*EVIL, "rows-1-2.parquet", "rows-000000000-000000010/x.parquet", "x.parquet"]
)
def test_only_files_of_ranges_are_listed_in_a_manifest(name: str) -> None:
    with pytest.raises(StoreError, match=r"^manifest\.json: "):
        range_file(name, "manifest.json")
    listed = {"fingerprint": FINGERPRINT, "parts": {}, "files": {name: {"size": 1, "sha256": DIGEST}}}
    with pytest.raises(StoreError, match=r"^manifest\.json: "):
        ShardManifest.parse(listed, "manifest.json")
    with pytest.raises(StoreError, match=r"^manifest\.json: "):
        ShardManifest.parse({"fingerprint": FINGERPRINT, "parts": {name: 1}}, "manifest.json")


GOOD: dict[str, Any] = {"fingerprint": FINGERPRINT, "parts": {RANGE.name: 10, "rows-000000010-000000012": 0}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"fingerprint": "../../etc"},
        {"fingerprint": FINGERPRINT.upper()},
        {"fingerprint": None},
        {"parts": None},
        {"parts": [RANGE.name]},
        *({"parts": {RANGE.name: rows}} for rows in (-1, 1.5, True, "10", None, float("nan"))),
        {"parts": {"rows-000000005-000000010": 5}},
        {"parts": {RANGE.name: 10, "rows-000000011-000000012": 1}},
        {"parts": {"rows-000000010-000000000": 1}},
        {"files": []},
        {"files": {f"{RANGE.name}.parquet": None}},
        {"files": {f"{RANGE.name}.parquet": {"size": -1, "sha256": DIGEST}}},
        {"files": {f"{RANGE.name}.parquet": {"size": 1, "sha256": "no digest"}}},
    ],
)
def test_values_of_a_manifest_have_types_and_ranges(wrong: dict[str, Any]) -> None:
    assert sum(ShardManifest.parse({**GOOD, "of a later version": 1}, "m").parts.values()) == 10
    with pytest.raises(StoreError, match=r"^manifest\.json: "):
        ShardManifest.parse(GOOD | wrong, "manifest.json")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", EVIL)
def test_no_shard_is_called_what_no_folder_may_be(name: str, place: int) -> None:
    parts = ["web", "raw_documents", "part-0"]
    parts[place] = name
    with pytest.raises(StoreError, match="not the plain name"):
        ShardKey(*parts)


# A hostile bucket -----------------------------------------------------------------------------------------


def _store(root: Path, bucket: str) -> Store:
    return Store(root, Remote(root, f"s3://{bucket}/team", client))


def _finished(store: Store) -> FinishedShard:
    writer = store.writer(KEY, {})
    writer.commit(RANGE, pa.table({"row": list(range(10))}))
    return writer.finish()


def _put(bucket: str, key: str, content: Any) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    client().put_object(Bucket=bucket, Key=f"team/{key}", Body=body)


def _below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """The folder of a machine deep in others; whatever is written outside of it fails the test."""
    root = tmp_path / "a" / "b" / "c" / "d" / "e" / "f" / "storage"
    root.mkdir(parents=True)
    before = _below(tmp_path)
    yield root
    outside = {path for path in _below(tmp_path) - before if not path.is_relative_to(root)}
    assert outside == set()
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("name", EVIL[:12])
def test_an_artifact_is_fetched_into_its_own_folder_only(bucket: str, victim: Path, name: str) -> None:
    _put(bucket, "web/doc_refiner/current.json", {"fingerprint": FINGERPRINT, "configuration": {}})
    files = {name: {"size": 4, "sha256": DIGEST}}
    _put(bucket, f"web/doc_refiner/{FINGERPRINT}.files.json", {"files": files})
    _put(bucket, f"web/doc_refiner/{FINGERPRINT}/{name}", b"evil")
    with pytest.raises(StoreError, match=r"files\.json, as it is in S3: "):
        _store(victim, bucket).artifact("web", "doc_refiner")
    assert not list(victim.rglob("*evil*"))


@pytest.mark.parametrize("name", [*EVIL[:12], FINGERPRINT + "0", "0123456789ABCDEF"])
def test_current_json_names_a_fingerprint(bucket: str, victim: Path, name: str) -> None:
    _put(bucket, "web/doc_refiner/current.json", {"fingerprint": name, "configuration": {}})
    _put(bucket, "web/raw_documents/part-0/current.json", {"fingerprint": name})
    store = _store(victim, bucket)
    for read in (
        lambda: store.artifact("web", "doc_refiner"),
        lambda: store.shard(KEY),
        lambda: store.shards("web", "raw_documents"),
        lambda: store.manifest(KEY),
    ):
        with pytest.raises(StoreError, match="is not a fingerprint"):
            read()
    assert not list(victim.rglob("current.json")), "what is refused is not kept here"


@pytest.mark.parametrize("name", ["rows-/../../../evil", "rows-..", "rows-\\..\\evil", "rows-evil.parquet"])
@pytest.mark.parametrize("listed", [True, False])
def test_a_shard_is_fetched_into_its_own_folder_only(
    tmp_path: Path, bucket: str, victim: Path, name: str, listed: bool
) -> None:
    fingerprint = _finished(_store(tmp_path / "a" / "b" / "good", bucket)).fingerprint
    shutil.rmtree(tmp_path / "a" / "b" / "good")
    folder = f"web/raw_documents/part-0/{fingerprint}"
    if listed:
        manifest = json.loads(
            client().get_object(Bucket=bucket, Key=f"team/{folder}/manifest.json")["Body"].read()
        )
        manifest["files"][name] = {"size": 4, "sha256": DIGEST}
        _put(bucket, f"{folder}/manifest.json", manifest)
    else:
        _put(bucket, f"{folder}/{name}", b"evil")
    with pytest.raises(StoreError, match="nothing was read or written under it"):
        _store(victim, bucket).shard(KEY)
    assert not list(victim.rglob("*evil*"))


@pytest.mark.parametrize(
    "name", ["../../../evil.json", "a//evil.json", "..", "\\..\\evil.json", "evil\x1b.json"]
)
def test_objects_of_a_shared_folder_stay_in_it(bucket: str, victim: Path, name: str) -> None:
    for folder in ("web/sources", "web/groups", "web/corpus_statistics"):
        _put(bucket, f"{folder}/{name}", {"groups": [], "parts": []})
    store = _store(victim, bucket)
    for read in (
        lambda: list(store.sources("web")),
        lambda: store.group_log("web").groups(),
        lambda: store.bring(store.root / "web" / "corpus_statistics"),
    ):
        with pytest.raises(StoreError, match="not a plain relative path"):
            read()


def test_folder_objects_that_consoles_make_count_for_nothing(bucket: str, victim: Path) -> None:
    for key in ("web/sources/", "web/groups/", "web/raw_documents/"):
        _put(bucket, key, b"")
    store = _store(victim, bucket)
    assert list(store.sources("web")) == []
    assert store.group_log("web").groups() == ()


def test_a_link_in_the_storage_is_not_written_through(tmp_path: Path, bucket: str, victim: Path) -> None:
    _put(bucket, "web/corpus_statistics/out/evil.json", {})
    (victim / "web" / "corpus_statistics").mkdir(parents=True)
    (victim / "web" / "corpus_statistics" / "out").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="a symbolic link leads out of"):
        _store(victim, bucket).bring(victim / "web" / "corpus_statistics")


# Hostile or damaged files here ----------------------------------------------------------------------------

BROKEN = [b"", b"\0" * 64, b"{", b"[]", b'"text"', b"\xff\xfe", b"7", b"null", b"[" * 100_000, b"{}"]


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize("name", ["current.json", "manifest.json"])
def test_a_damaged_record_of_a_shard_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    store = Store(tmp_path)
    finished = _finished(store)
    path = (finished.folder if name == "manifest.json" else finished.folder.parent) / name
    path.write_bytes(content)
    for read in (
        lambda: store.shard(KEY),
        lambda: store.shards("web", "raw_documents"),
        lambda: store.manifest(KEY),
    ):
        with pytest.raises(StoreError) as caught:
            read()
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "elete it" in message or "delete its folder" in message
        assert "\n" not in message


@pytest.mark.parametrize("content", BROKEN)
def test_a_damaged_record_of_files_is_one_line(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    for folder, read in (
        ("groups", lambda: store.group_log("web").groups()),
        ("sources", lambda: read_parts(store.sources("web"))),
    ):
        path = tmp_path / "web" / folder / "000000.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with pytest.raises(StoreError) as caught:
            read()
        assert str(caught.value).startswith(str(path))


FILE = {"place": "/data/a.jsonl", "relative": "a.jsonl", "size": 1, "modified": 0.0}
GROUP = {"name": "a.1-files.0", "files": [FILE]}


@pytest.mark.parametrize(
    "group",
    [
        *(GROUP | {"name": name} for name in [*EVIL, *NO_TEXTS]),
        *(
            GROUP | {"files": [FILE | wrong]}
            for wrong in (
                {"place": "relative.jsonl"},
                {"place": None},
                {"place": ""},
                {"size": -1},
                {"size": "1"},
                {"modified": float("nan")},
                {"modified": None},
                {"relative": None},
            )
        ),
        GROUP | {"files": ["a.jsonl"]},
        GROUP | {"files": None},
    ],
)
def test_a_hostile_group_is_one_line(tmp_path: Path, group: dict[str, Any]) -> None:
    path = tmp_path / "web" / "groups" / "000000.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"groups": [GROUP | {"a later key": 1}]}))
    assert [one.name for one in Store(tmp_path).group_log("web").groups()] == [GROUP["name"]]
    path.write_text(json.dumps({"groups": [group]}))
    with pytest.raises(StoreError, match=r"groups/000000\.json: "):
        Store(tmp_path).group_log("web").groups()


def test_a_group_has_nothing_read_that_the_input_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for path in (tmp_path / "data" / "a.jsonl", tmp_path / "secret.jsonl"):
        path.write_text('{"id": "a", "text": "b"}\n')
    log = tmp_path / "storage" / "web" / "groups" / "000000.json"
    log.parent.mkdir(parents=True)
    files = [FILE | {"place": str(tmp_path / name)} for name in ("data/a.jsonl", "secret.jsonl")]
    log.write_text(json.dumps({"groups": [GROUP | {"files": files}]}))
    section = Input(path=tmp_path / "data", shard_bytes=1_000)
    listing = known_shards([section], Store(tmp_path / "storage").group_log("web"))
    assert [part.place for source in listing.shards for part in source.parts] == []
    assert [skipped.place for skipped in listing.skipped] == [str(tmp_path / "secret.jsonl")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"place": None},
        {"size": -1},
        {"modified": "then"},
        {"piece": None},
        {"piece": {"row_start": -1, "row_stop": None, "byte_start": 0, "byte_stop": None}},
        {"piece": {"row_start": 0, "row_stop": "x", "byte_start": 0, "byte_stop": None}},
    ],
)
def test_a_hostile_record_of_what_was_read_is_one_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    piece = {"row_start": 0, "row_stop": None, "byte_start": 0, "byte_stop": None}
    part = {"place": "/data/a.jsonl", "size": 1, "modified": 0.0, "piece": piece}
    path = tmp_path / "web" / "sources" / "part-0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"parts": [part]}))
    store = Store(tmp_path)
    assert list(read_parts(store.sources("web"))) == ["/data/a.jsonl"]
    path.write_text(json.dumps({"parts": [part | wrong]}) + " ")
    with pytest.raises(StoreError, match=r"sources/part-0\.json: "):
        read_parts(store.sources("web"))
