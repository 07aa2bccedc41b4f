"""A run that is ended in the middle of a shard leaves no process behind, and what was committed stays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from prox_assets.documents.store import RowRange, ShardKey, Store
from prox_assets.errors import StoreError

RANGES = [RowRange(start, start + 10) for start in range(0, 2000, 10)]

# A step of a Dagster run: the driver of the stages, two helper processes, and an engine that takes its time.
_RUN = """
import sys, time
from pathlib import Path
import dagster as dg
from prox_assets.documents.store import ShardKey, Store
from prox_assets.refining.driver import Work, stream_parts
from prox_assets_tests.refining.test_streaming import doubled, plus_one, summed

def slow(prepared):
    time.sleep(0.05)
    return plus_one(prepared)

@dg.asset
def slowly():
    store = Store(Path(sys.argv[1]))
    raw = store.shard(ShardKey("web", "raw", "s"))
    writer = store.writer(ShardKey("web", "out", "s"), {"a": 1})
    stream_parts((raw,), writer, Work(doubled, slow, summed), lambda progress: None, workers=2)

if __name__ == "__main__":
    dg.materialize([slowly], raise_on_error=False)
"""


def _children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _until(happened: Callable[[], bool], patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_a_run_that_is_ended_leaves_no_process(tmp_path: Path, how: signal.Signals) -> None:
    store = Store(tmp_path)
    writer = store.writer(ShardKey("web", "raw", "s"), {})
    for rows in RANGES:
        writer.commit(rows, pa.table({"row": range(rows.start, rows.stop)}))
    writer.finish()
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    root = Path(__file__).parents[2]
    run = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(root), "DAGSTER_HOME": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    out = store.writer(ShardKey("web", "out", "s"), {"a": 1})
    try:
        _until(lambda: out.is_committed(RANGES[1]))
        helpers = _children(run.pid)
        assert len(helpers) >= 2
        run.send_signal(how)
        run.wait(30)
        _until(lambda: not any(_alive(helper) for helper in helpers), 30)
    finally:
        run.kill()
        run.wait()
    assert out.is_committed(RANGES[0]) and out.is_committed(RANGES[1])
    assert not out.is_committed(RANGES[-1])
    with pytest.raises(StoreError, match="is not there"):
        store.shard(ShardKey("web", "out", "s"))
