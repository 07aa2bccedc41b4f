"""Names of shards: a function of the file's name, of letters of any script, that no two files share."""

import re
import time
import unicodedata
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from prox_assets.config import Input
from prox_assets.defs.automation.discovery import arrivals
from prox_assets.defs.partitions import SHARDS, partition_key
from prox_assets.documents.ingest import ingest
from prox_assets.documents.provenance import read_parts
from prox_assets.documents.remote import Remote
from prox_assets.documents.shards import LONGEST_NAME, name_of_shard
from prox_assets.documents.sources import closed_shards, known_shards, list_shards
from prox_assets.documents.store import Store
from prox_assets_tests.s3 import client

ROW = b'{"id": "a", "text": "some text"}\n'
DIGEST = "-[0-9a-f]{8}"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("part-0", "part-0"),
        ("a|b,c d", "a_b_c_d"),
        ("-x", "-x"),
        ("_x", "_x"),
        ("文献语料", "文献语料"),
        ("données-2024", "données-2024"),
        ("हिन्दी", "हिन्दी"),
        ("ไทย", "ไทย"),
        ("فارسی", "فارسی"),
        ("文 件", "文_件" + DIGEST),
        (unicodedata.normalize("NFD", "é"), "é" + DIGEST),
        ("😀", "_" + DIGEST),
        ("|||", "_" + DIGEST),
        (".x", "_x" + DIGEST),
        ("..", "_" + DIGEST),
        ("../up", "_up" + DIGEST),
        ("a...b", "a_b" + DIGEST),
        ("a..b", r"a\.\.b"),
        ("with\nnewline", "with_newline"),
        ("字" * 100, "字" * 57 + DIGEST),
        ("", ""),
    ],
)
def test_letters_of_any_script_stay(name: str, pattern: str) -> None:
    result = name_of_shard(name)
    assert re.fullmatch(pattern, result), result
    assert name_of_shard(result) == result


NAMES = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("文件éa.-_ \u0301😀")), min_size=1)


@given(name=NAMES)
@example("...")
@example("。" * 200)
def test_every_name_is_one_that_a_partition_and_a_folder_may_have(name: str) -> None:
    result = name_of_shard(name)
    assert not re.search(r"[\s/|,\\\x00-\x1f]|\.\.\.|^\.", result)
    assert unicodedata.is_normalized("NFC", result)
    assert name.isascii() or len(result.encode()) <= LONGEST_NAME
    partition_key("web", result)
    dg.StaticPartitionsDefinition([result])


@given(name=NAMES, other=NAMES)
@example("文", "件")
@example("é", "e\u0301")
@example("文 件", "文_件")
@example("😀", "😁")
@example(".x", "..x")
@example("字" * 100, "字" * 101)
def test_two_names_are_never_one_shard(name: str, other: str) -> None:
    assume(name != other and not (name.isascii() and other.isascii()))
    assert name_of_shard(name) != name_of_shard(other)


@given(name=st.from_regex(r"[ -~]+", fullmatch=True))
def test_names_that_were_shards_before_stay_what_they_are(name: str) -> None:
    former = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    assume(not former.startswith(".") and "..." not in former and re.search("[A-Za-z0-9]", former))
    assert name_of_shard(name) == former


def _folder(tmp_path: Path, names: list[str]) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(ROW)
    return folder


FILES = [
    "文献语料.jsonl",
    "科技语料.jsonl",
    "A.JSONL",
    "a.jsonl",
    "e\u0301.jsonl",
    "é.jsonl",
    "part 0#1%20.jsonl",
]


def test_files_of_any_name_become_shards_here_in_s3_and_in_dagster(tmp_path: Path, bucket: str) -> None:
    folder = _folder(tmp_path, FILES)
    store = Store(tmp_path / "store", Remote(tmp_path / "store", f"s3://{bucket}/prox"))
    sources = list_shards([Input(path=folder)])
    assert len({source.name for source in sources}) == len(FILES)
    stored = sources[-3:]
    for source in stored:
        ingest(source, store, "web", 10, lambda rows: None)
    elsewhere = Store(tmp_path / "elsewhere", Remote(tmp_path / "elsewhere", f"s3://{bucket}/prox"))
    finished = elsewhere.shards("web", "raw_documents")
    assert {shard.key.shard for shard in finished} == {source.name for source in stored}
    assert all(pa.Table.from_batches(shard.batches()).num_rows == 1 for shard in finished)
    keys = {entry["Key"] for entry in client().list_objects_v2(Bucket=bucket)["Contents"]}
    assert "prox/web/raw_documents/文献语料/current.json" in keys
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(SHARDS, [source.name for source in sources])
        assert set(instance.get_dynamic_partitions(SHARDS)) == {source.name for source in sources}


def test_a_name_does_not_depend_on_other_files(tmp_path: Path) -> None:
    folder = _folder(tmp_path, FILES)
    together = {source.parts[0].place: source.name for source in list_shards([Input(path=folder)])}
    alone = [list_shards([Input(path=folder / name)]) for name in FILES]
    assert {source.parts[0].place: source.name for (source,) in alone} == together


@pytest.mark.parametrize("names", [["part-0.jsonl", "part-0.jsonl.gz"], ["a b.jsonl", "a|b.jsonl"]])
def test_files_that_would_be_one_shard_are_said(tmp_path: Path, names: list[str]) -> None:
    listing = closed_shards([Input(path=_folder(tmp_path, names))])
    assert len(listing.shards) == 1
    (skipped,) = listing.unread
    assert "rename one of the files" in skipped.detail


@pytest.mark.parametrize("shard", ["donn_es", "donn_es-00000"])
def test_a_file_that_was_read_under_another_name_keeps_it(tmp_path: Path, bucket: str, shard: str) -> None:
    folder = _folder(tmp_path, ["données.jsonl", "donnäes.jsonl"])
    (source,) = list_shards([Input(path=folder / "données.jsonl")])
    location = f"s3://{bucket}/prox"
    for home in ("store", "elsewhere"):
        store = Store(tmp_path / home, Remote(tmp_path / home, location))
        if home == "store":
            ingest(replace(source, name=shard), store, "web", 10, lambda rows: None)
        listing = known_shards([Input(path=folder)], store.group_log("web"))
        assert {Path(known.parts[0].place).stem: known.name for known in listing.shards} == {
            "données": "donn_es",
            "donnäes": "donnäes",
        }


def test_what_was_read_of_a_file_of_any_name_is_known_afterwards(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    input_ = Input(path=_folder(tmp_path, FILES), shard_bytes=len(ROW), settle_seconds=0)
    sources = list_shards([input_], store.group_log("web"))
    for source in sources:
        ingest(source, store, "web", 10, lambda rows: None)
    reads = read_parts(store.sources("web"))
    assert set(reads) == {part.place for source in sources for part in source.parts}
    found = arrivals([input_], store.group_log("web"), time.time() + 10, reads, frozenset())
    assert (found.shards, found.skipped) == (len(FILES), ())
    assert {source.name for source in found.new} == {source.name for source in sources}
