import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from prox_assets.documents.store import RowRange, ShardKey, Store
from prox_assets.errors import StoreError

KEY = ShardKey("web", "raw_documents", "part-0")


def _table(start: int, stop: int) -> pa.Table:
    return pa.table({"row": list(range(start, stop))})


def test_ranges_come_back_in_order_whatever_the_order_of_commits(tmp_path: Path) -> None:
    writer = Store(tmp_path).writer(KEY, {"a": 1})
    for start in (20, 0, 10):
        writer.commit(RowRange(start, start + 10), _table(start, start + 10), cost={"tokens": start})
    finished = writer.finish()
    rows = [row for batch in finished.batches() for row in batch["row"].to_pylist()]
    assert rows == list(range(30))
    assert finished.rows == 30
    assert [cost["tokens"] for cost in finished.costs()] == [0, 10, 20]
    assert Store(tmp_path).shard(KEY) == finished


def test_a_hole_is_refused_and_named(tmp_path: Path) -> None:
    writer = Store(tmp_path).writer(KEY, {})
    writer.commit(RowRange(0, 10), _table(0, 10))
    writer.commit(RowRange(20, 30), _table(20, 30))
    with pytest.raises(StoreError, match="rows 10 to 20 are not committed"):
        writer.finish()
    with pytest.raises(StoreError, match="materialize raw_documents"):
        Store(tmp_path).shard(KEY)


def test_configurations_never_mix(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = store.writer(KEY, {"threshold": 0.5})
    old.commit(RowRange(0, 1), _table(0, 1))
    before = old.finish()
    new = store.writer(KEY, {"threshold": 0.6})
    assert not new.is_committed(RowRange(0, 1))
    assert store.shard(KEY) == before, "readers keep the finished one until the new one is finished"
    new.commit(RowRange(0, 1), _table(5, 6))
    assert store.shard(KEY) == before
    after = new.finish()
    assert store.shard(KEY) == after
    assert before.read(RowRange(0, 1))["row"].to_pylist() == [0]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    parts = []
    for name in ("a", "b"):
        writer = Store(tmp_path / name).writer(KEY, {})
        writer.commit(RowRange(0, 10), _table(0, 10))
        parts.append(writer.finish().paths()[0].read_bytes())
    assert parts[0] == parts[1]


def test_an_artifact_is_built_once_and_whole(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("content")

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.publish("web", "sft_dataset", {"v": 1}, fail)
    assert list((tmp_path / "web" / "sft_dataset").iterdir()) == []
    first = store.publish("web", "sft_dataset", {"v": 1}, build)
    again = store.publish("web", "sft_dataset", {"v": 1}, build)
    assert (first.reused, again.reused, len(calls)) == (False, True, 1)
    assert store.artifact("web", "sft_dataset").folder == first.folder
    with pytest.raises(StoreError, match="materialize doc_refiner for web first"):
        store.artifact("web", "doc_refiner")


KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from prox_assets.documents.store import RowRange, ShardKey, Store
write = pq.write_table
def die_half_way(table, where, **options):
    if table["row"][0].as_py() == 10:
        Path(where).write_bytes(b"PAR1 half a file")
        os.kill(os.getpid(), signal.SIGKILL)
    write(table, where, **options)
pq.write_table = die_half_way
writer = Store(Path(sys.argv[1])).writer(ShardKey("web", "raw_documents", "part-0"), {})
for start in (0, 10, 20):
    writer.commit(RowRange(start, start + 10), pa.table({"row": list(range(start, start + 10))}))
"""


def test_a_kill_while_writing_leaves_whole_ranges_only(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, env=os.environ.copy())
    assert died.returncode == -signal.SIGKILL
    writer = Store(tmp_path).writer(KEY, {})
    assert [writer.is_committed(RowRange(start, start + 10)) for start in (0, 10, 20)] == [True, False, False]
    for start in (10, 20):
        writer.commit(RowRange(start, start + 10), _table(start, start + 10))
    finished = writer.finish()
    assert finished.rows == 30
    assert not [path for path in finished.folder.iterdir() if path.name.startswith(".tmp-")]
