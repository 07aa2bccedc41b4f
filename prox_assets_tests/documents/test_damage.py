"""Damaged, cut, empty and missing files of the store, and several processes at work on the same ones."""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from prox_assets.documents.files import (
    clear_abandoned,
    is_temporary,
    publish_folder,
    replacing,
    replacing_folder,
    scratch_folder,
    temporary_beside,
)
from prox_assets.documents.remote import Remote
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.errors import StoreError, explanation
from prox_assets_tests.s3 import client

KEY = ShardKey("web", "raw_documents", "part-0")
RANGES = tuple(RowRange(start, start + 10) for start in (0, 10, 20))
COUNTS = {"": 10, "rejected": 2}


def _table(rows: RowRange, size: int = 10) -> pa.Table:
    numbers = list(range(rows.start, rows.stop))[:size]
    return pa.table({"row": numbers, "text": [f"text {number}" for number in numbers]})


def _work(store: Store, ranges: tuple[RowRange, ...] = RANGES) -> list[RowRange]:
    """Do the ranges that are not committed, as the stages do; returns those that were done."""
    writer, done = store.writer(KEY, {}), []
    for rows in ranges:
        if not writer.is_committed(rows, COUNTS):
            writer.commit(rows, _table(rows), {"rejected": _table(rows, 2)}, {"seconds": 1.0})
            done.append(rows)
    if ranges == RANGES:
        writer.finish()
    return done


def test_a_manifest_that_counts_other_rows_is_an_error_of_the_reader(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _work(store)
    shard = store.shard(KEY)
    assert sum(map(len, shard.batches())) == 30
    manifest = shard.folder / "manifest.json"
    values = json.loads(manifest.read_text())
    values["parts"][RANGES[1].name] = 9
    manifest.write_text(json.dumps(values))
    with pytest.raises(
        StoreError, match=r"hold 30 rows and its manifest\.json counts 29.*materialize raw_docu"
    ):
        list(store.shard(KEY).batches(["row"]))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _zero_the_end(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-64] + bytes(64))


def _of_another_range(path: Path) -> None:
    path.write_bytes(
        path.with_name(path.name.replace("000000010-000000020", "000000020-000000030")).read_bytes()
    )


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": _cut,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": _zero_the_end,
    "not Parquet": lambda path: path.write_text("{}"),
    "missing": Path.unlink,
}


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("rows-*.parquet")}


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("kind", ["", ".rejected"])
@pytest.mark.parametrize("damage", [*DAMAGE.values(), _of_another_range], ids=[*DAMAGE, "another range"])
def test_a_damaged_range_is_written_again_and_only_that(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], object],
    kind: str,
    finished: bool,
) -> None:
    store = Store(tmp_path)
    _work(store)
    (folder,) = (path for path in (tmp_path / "web" / "raw_documents" / "part-0").iterdir() if path.is_dir())
    whole = _files(folder)
    damage(folder / f"{RANGES[1].name}{kind}.parquet")
    if not finished:
        (folder / "manifest.json").unlink()
        (folder.parent / "current.json").unlink()
    with caplog.at_level(logging.WARNING):
        assert _work(store) == [RANGES[1]]
    assert _files(folder) == whole
    if (kind, damage) != ("", Path.unlink):
        assert len(caplog.records) == 1
        assert f"{RANGES[1].name}{kind}.parquet" in caplog.text
        assert "rows 10 to 20 are done again" in caplog.text


def test_a_damaged_record_of_a_cost_is_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _work(store)
    (cost,) = tmp_path.rglob(f"{RANGES[1].name}.cost.json")
    cost.write_text("{")
    with pytest.raises(StoreError, match=rf"^{cost}: this file is damaged .*; delete it"):
        store.shard(KEY).costs()
    assert _work(store) == [RANGES[1]]
    assert store.shard(KEY).costs()[1] == {"seconds": 1.0}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_readers_name_the_damaged_file_and_what_to_do(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    store = Store(tmp_path)
    _work(store)
    shard = store.shard(KEY)
    path = shard.part(RANGES[1])
    damage(path)
    reads: list[Callable[[FinishedShard], object]] = [
        lambda shard: shard.read(RANGES[1]),
        lambda shard: shard.row_count(RANGES[1]),
        lambda shard: list(shard.batches(["row"])),
    ]
    for read in reads:
        with pytest.raises(StoreError) as caught:
            read(shard)
        message = explanation(caught.value) or ""
        assert message.startswith(f"{path}: this file is ")
        assert "materialize raw_documents of web|part-0 again" in message
    _work(store)
    assert [batch.num_rows for batch in shard.batches()] == [10, 10, 10]


def test_a_storage_below_a_folder_like_a_partition_reads_its_own_columns(tmp_path: Path) -> None:
    store = Store(tmp_path / "day=1")
    _work(store)
    assert store.shard(KEY).read(RANGES[0]).column_names == ["row", "text"]


def test_a_damaged_range_is_fetched_where_it_is_shared(tmp_path: Path, bucket: str) -> None:
    store = Store(tmp_path, Remote(tmp_path, f"s3://{bucket}/x", client))
    _work(store)
    path = store.shard(KEY).part(RANGES[1])
    whole = path.read_bytes()
    _cut(path)
    assert _work(store) == [], "S3 has it"
    assert path.read_bytes() == whole


# Several processes ----------------------------------------------------------------------------------------

WORKING = """
import sys, time
from pathlib import Path
import pyarrow as pa
from prox_assets.documents.store import RowRange, ShardKey, Store
root, done = Path(sys.argv[1]), []
writer = Store(root).writer(ShardKey("web", "raw_documents", "part-0"), {})
with writer.exclusive():
    for start in range(0, 80, 10):
        rows = RowRange(start, start + 10)
        if not writer.is_committed(rows):
            while start == 40 and not (root / "go").exists():
                (root / "half").touch()
                time.sleep(0.01)
            writer.commit(rows, pa.table({"row": list(range(start, start + 10))}))
            done.append(start)
    finished = writer.finish()
print(finished.rows, len(done))
"""


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.01)


def _first_line(process: subprocess.Popen[str]) -> str:
    """What a process says on stderr first; it is at work."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_the_second_of_two_runs_waits_and_says_for_whom(tmp_path: Path) -> None:
    first = _start(WORKING, str(tmp_path))
    _wait_for(tmp_path / "half")
    second = _start(WORKING, str(tmp_path))
    line = _first_line(second)
    assert f"process {first.pid} on " in line
    assert "raw_documents of web|part-0" in line
    (tmp_path / "go").touch()
    assert first.communicate(timeout=60) == ("80 8\n", "")
    assert second.communicate(timeout=60) == ("80 0\n", ""), "nothing is done twice, or said twice"
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_a_run_that_waits_takes_over_from_one_that_is_killed(tmp_path: Path) -> None:
    first = _start(WORKING, str(tmp_path))
    _wait_for(tmp_path / "half")
    second = _start(WORKING, str(tmp_path))
    assert _first_line(second)
    (tmp_path / "go").touch()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    rows, done = map(int, second.communicate(timeout=60)[0].split())
    assert rows == 80
    assert done <= 4
    assert Store(tmp_path).shard(KEY).rows == 80


def test_runs_that_share_no_lock_do_not_disturb_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    one, other = store.writer(KEY, {}), store.writer(KEY, {})
    with temporary_beside(tmp_path / "web" / "raw_documents" / "part-0" / one.fingerprint / "rows") as busy:
        busy.write_text("being written")
        for rows in RANGES:
            one.commit(rows, _table(rows))
            store.writer(KEY, {}).commit(rows, _table(rows))
            other.commit(rows, _table(rows))
        assert busy.read_text() == "being written"
        assert one.finish() == other.finish() == store.shard(KEY)


# What killed processes leave ------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from prox_assets.documents import files
def die(path):
    (path / "half" if path.is_dir() else path).write_text("half")
    if path.is_file(): path.with_name(path.name + ".wal").write_text("a log")
    os.kill(os.getpid(), signal.SIGKILL)
target = Path(sys.argv[1])
match sys.argv[2]:
    case "file":
        with files.replacing(target) as path: die(path)
    case "json":
        files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        files.write_json({}, target)
    case "new folder":
        files.publish_folder(target, die)
    case "folder":
        with files.replacing_folder(target) as path: die(path)
    case "scratch":
        with files.scratch_folder("test") as path: die(path)
    case "between renames":
        rename = Path.rename
        def die_second(path, target):
            if Path(target).name == "target": os.kill(os.getpid(), signal.SIGKILL)
            return rename(path, target)
        Path.rename = die_second
        with files.replacing_folder(target) as path: (path / "new").write_text("new")
"""


def _next_run(kind: str, target: Path) -> None:
    match kind:
        case "file" | "json":
            with replacing(target) as path:
                path.write_text("new")
        case "new folder":
            publish_folder(target, lambda folder: folder.joinpath("new").touch())
        case "folder" | "between renames":
            with replacing_folder(target) as path:
                path.joinpath("new").touch()
        case "scratch":
            with scratch_folder("test"):
                pass


@pytest.mark.parametrize("kind", ["file", "json", "new folder", "folder", "scratch", "between renames"])
def test_the_next_run_removes_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    target = tmp_path / "target"
    if kind == "between renames":
        target.mkdir()
        (target / "old").touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / ".tmp-of-somebody-else").touch()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(target), kind], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(filter(is_temporary, tmp_path.iterdir()))) > 1, "the kill left something"
    if kind == "between renames":
        assert not target.exists()
        clear_abandoned(tmp_path)
        assert [path.name for path in target.iterdir()] == ["old"], "the former folder is back"
    _next_run(kind, target)
    left = [path.name for path in tmp_path.iterdir() if path != target]
    assert left == [".tmp-of-somebody-else"]
    if target.is_dir():
        assert [path.name for path in target.iterdir()] == ["new"]


def test_nobody_removes_what_a_living_process_writes(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from prox_assets.documents.files import replacing_folder\n"
        "with replacing_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'mine').touch()\n    (folder.parent / 'started').touch()\n"
        "    while not (folder.parent / 'go').exists(): time.sleep(0.01)\n"
    )
    target = tmp_path / "target"
    living = _start(code, str(target))
    _wait_for(tmp_path / "started")
    for _ in range(3):
        clear_abandoned(tmp_path)
        with replacing(tmp_path / "other") as path:
            path.touch()
    (tmp_path / "go").touch()
    assert living.communicate(timeout=60) == ("", "")
    assert [path.name for path in target.iterdir()] == ["mine"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["go", "other", "started", "target"]


def test_an_artifact_that_is_being_built_is_waited_for(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom prox_assets.documents.store import Store\n"
        "root = Path(sys.argv[1])\n"
        "def build(folder):\n"
        "    (root / 'half').touch()\n    (folder / 'file').touch()\n"
        "    while not (root / 'go').exists(): time.sleep(0.01)\n"
        "print(Store(root).publish('web', 'doc_refiner', {}, build).reused)\n"
    )
    first = _start(code, str(tmp_path))
    _wait_for(tmp_path / "half")
    second = _start(code, str(tmp_path))
    assert f"process {first.pid} on " in _first_line(second)
    (tmp_path / "go").touch()
    assert first.communicate(timeout=60) == ("False\n", "")
    assert second.communicate(timeout=60) == ("True\n", "")
    current = json.loads((tmp_path / "web" / "doc_refiner" / "current.json").read_text())
    names = [path.name for path in (tmp_path / "web" / "doc_refiner").iterdir()]
    assert sorted(names) == sorted([current["fingerprint"], "current.json"])
