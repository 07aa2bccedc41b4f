"""The driver of stages with a model: the same rows by threads and by processes, few ranges in flight."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.errors import RefinerError
from prox_assets.refining.driver import PartResult, Progress, Work, stream_parts

RANGES = [RowRange(start, start + 10) for start in range(0, 120, 10)]


def doubled(table: pa.Table) -> list[int]:
    return [2 * row for row in table["row"].to_pylist()]


def summed(prepared: list[int], answers: list[int], table: pa.Table) -> PartResult:
    assert [2 * row for row in table["row"].to_pylist()] == prepared
    return PartResult(pa.table({"row": table["row"], "sum": answers}), {"documents": len(answers)})


def died(prepared: list[int], answers: list[int], table: pa.Table) -> PartResult:
    os._exit(1)


def plus_one(prepared: list[int]) -> list[int]:
    return [one + 1 for one in prepared]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def raw(store: Store) -> FinishedShard:
    writer = store.writer(ShardKey("web", "raw", "s"), {})
    for rows in RANGES:
        writer.commit(rows, pa.table({"row": range(rows.start, rows.stop)}))
    return writer.finish()


def run(store: Store, raw: FinishedShard, work: Work[Any, Any], **options: Any) -> tuple[Any, list[Progress]]:
    seen: list[Progress] = []
    writer = store.writer(ShardKey("web", options.pop("asset", "out"), "s"), {"a": 1})
    return stream_parts((raw,), writer, work, seen.append, **options), seen


def test_threads_and_processes_write_the_same_bytes(store: Store, raw: FinishedShard) -> None:
    work = Work(doubled, plus_one, summed)
    by_threads, seen = run(store, raw, work, price={"device": "cpu"})
    by_processes, _ = run(store, raw, work, workers=2, asset="other")
    table = pa.concat_tables(by_threads.read(rows) for rows in by_threads.ranges)
    assert table["sum"].to_pylist() == [2 * row + 1 for row in range(120)]
    for one, other in zip(by_threads.paths(), by_processes.paths(), strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert [progress.rows for progress in seen] == list(range(0, 130, 10))
    assert {progress.total for progress in seen} == {120}
    for cost in by_processes.costs():
        assert cost["seconds"] >= cost["device_seconds"] >= 0 and cost["documents"] == 10
    assert {cost["device"] for cost in by_threads.costs()} == {"cpu"}


def test_few_ranges_are_in_flight(store: Store, raw: FinishedShard) -> None:
    """Prepared and not yet committed: bounded, and what is ahead is prepared while the engine works."""
    counts: Counter[str] = Counter()
    lock, most, overlapped = threading.Lock(), [0], [0]

    def prepare(table: pa.Table) -> list[int]:
        with lock:
            counts["prepared"] += 1
            most[0] = max(most[0], counts["prepared"] - counts["finished"])
        return doubled(table)

    def infer(prepared: list[int]) -> list[int]:
        with lock:
            counts["inferred"] += 1
            overlapped[0] += counts["prepared"] > counts["inferred"]
        threading.Event().wait(0.01)
        return plus_one(prepared)

    def finish(prepared: list[int], answers: list[int], table: pa.Table) -> PartResult:
        with lock:
            counts["finished"] += 1
        return summed(prepared, answers, table)

    run(store, raw, Work(prepare, infer, finish))
    assert counts == {"prepared": 12, "inferred": 12, "finished": 12}
    assert most[0] <= 5
    assert overlapped[0] >= 5


def test_a_failure_keeps_what_is_committed(store: Store, raw: FinishedShard) -> None:
    inferred: list[int] = []

    def fail_at_60(prepared: list[int]) -> list[int]:
        if prepared[0] == 120:
            raise RefinerError("the device is lost")
        inferred.append(prepared[0])
        return plus_one(prepared)

    with pytest.raises(RefinerError, match="device is lost"):
        run(store, raw, Work(doubled, fail_at_60, summed))
    assert inferred == [0, 20, 40, 60, 80, 100]
    again: list[int] = []

    def note(prepared: list[int]) -> list[int]:
        again.append(prepared[0] // 2)
        return plus_one(prepared)

    finished, seen = run(store, raw, Work(doubled, note, summed))
    assert finished.rows == 120
    assert set(again) >= set(range(60, 120, 10))
    assert seen[0].resumed == seen[0].rows == 120 - 10 * len(again)


def test_a_helper_that_dies_is_named(store: Store, raw: FinishedShard) -> None:
    with pytest.raises(RefinerError, match=r"helper process .* died .*Lower inference.workers"):
        run(store, raw, Work(doubled, plus_one, died), workers=1)
    finished, _ = run(store, raw, Work(doubled, plus_one, summed), workers=1)
    assert finished.rows == 120


KILLED = """
    import sys, time
    from pathlib import Path
    from prox_assets.documents.store import ShardKey, Store
    from prox_assets.refining.driver import Work, stream_parts
    from prox_assets_tests.refining.test_streaming import doubled, plus_one, summed

    folder = Path(sys.argv[1])
    store = Store(folder / "store")
    raw = store.shard(ShardKey("web", "raw", "s"))

    def infer(prepared):
        with open(folder / "inferred", "a") as file:
            file.write(f"{prepared[0] // 20}\\n")
        time.sleep(0.01)
        return plus_one(prepared)

    writer = store.writer(ShardKey("web", "out", "s"), {"a": 1})
    stream_parts((raw,), writer, Work(doubled, infer, summed), id)
"""


def test_a_kill_costs_two_ranges_at_most(tmp_path: Path) -> None:
    """Of a hundred ranges: two in a hundred of the work, at whatever moment the kill comes."""
    store, draw = Store(tmp_path / "store"), random.Random(5)
    writer = store.writer(ShardKey("web", "raw", "s"), {})
    for start in range(0, 1000, 10):
        writer.commit(RowRange(start, start + 10), pa.table({"row": range(start, start + 10)}))
    writer.finish()
    log, kills, ended = tmp_path / "inferred", 0, False
    log.touch()
    while not ended:
        before = len(log.read_text().split())
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)])
        while process.poll() is None and len(log.read_text().split()) <= before:
            time.sleep(0.002)
        time.sleep(draw.uniform(0.0, 0.6))
        ended = process.poll() is not None
        if not ended:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        assert process.wait() in (0, -signal.SIGKILL)
    inferred = [int(number) for number in log.read_text().split()]
    assert kills >= 2, "it was killed in the middle"
    assert set(inferred) == set(range(100))
    assert len(inferred) - 100 <= 2 * kills
    finished = store.shard(ShardKey("web", "out", "s"))
    table = pa.concat_tables(finished.read(rows) for rows in finished.ranges)
    assert table["sum"].to_pylist() == [2 * row + 1 for row in range(1000)]
