"""Drivers of a stage, with a model or without: each range becomes one committed range.

While the engine works on one range, helpers read, tokenize and cut the next ones, and write the programs of
those before and commit them. Memory is bounded by the few ranges in flight, whatever the size of the shard.
"""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

import pyarrow as pa

from prox_assets.documents.store import FinishedShard, RowRange, ShardWriter
from prox_assets.errors import RefinerError, StoreError


def helping_processes(count: int) -> ProcessPoolExecutor:
    """Start that many processes as they are needed; none outlives this process, however it ends."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """A helper of a killed process would wait for ever: it holds both ends of the pipe that work comes by."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for_end, args=(parent.sentinel,), daemon=True).start()


def _wait_for_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@dataclass(frozen=True, slots=True)
class PartResult:
    """What one range became; `cost` holds counts that the driver adds its seconds to."""

    table: pa.Table
    cost: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a shard is: rows done and rows in all, of them rows that were committed by an earlier run."""

    rows: int
    total: int
    resumed: int


Transform = Callable[..., PartResult]
OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Nobody watches."""


def map_parts(
    upstreams: tuple[FinishedShard, ...], writer: ShardWriter, transform: Transform, report: OnProgress
) -> FinishedShard:
    """Apply `transform` to the tables of each range that is not committed yet, and finish the shard.

    Memory is bounded by one range. A range's result depends on that range alone, so a run that was killed
    and started again writes the same bytes as one that was not.

    Raises:
        StoreError: the upstream stages do not have the same ranges.
    """
    require_same_ranges(upstreams)
    done = resumed = 0
    with writer.exclusive():
        for rows in upstreams[0].ranges:
            tables = None
            if writer.is_committed(rows):
                resumed += rows.stop - rows.start
            else:
                tables = [upstream.read(rows) for upstream in upstreams]
                started = time.perf_counter()
                result = transform(*tables)
                cost = {**result.cost, "seconds": round(time.perf_counter() - started, 3)}
                writer.commit(rows, result.table, cost=cost)
            done = rows.stop
            report(Progress(done, upstreams[0].ranges[-1].stop, resumed))
        return writer.finish()


def require_same_ranges(upstreams: tuple[FinishedShard, ...]) -> None:
    """Raise StoreError where the stages before are cut into different row ranges."""
    first, *others = upstreams
    for other in others:
        if other.ranges != first.ranges:
            shard = f"{first.key.domain}|{first.key.shard}"
            raise StoreError(
                f"{first.key.asset} and {other.key.asset} of {shard} are cut into different row ranges; "
                f"materialize {other.key.asset} again."
            )


Prepared = TypeVar("Prepared")
Answers = TypeVar("Answers")

_AHEAD, _BEHIND = 2, 1


@dataclass(frozen=True, slots=True)
class Work(Generic[Prepared, Answers]):
    """A stage in three steps.

    `prepare`: the tables of a range to what the engine takes. `infer`: that to its answers; only this one
    needs the model. `finish`: both, and the tables, to the rows of the range. `prepare` and `finish` may run
    in other processes, so they must be picklable, and a range's rows depend on that range alone.
    """

    prepare: Callable[..., Prepared]
    infer: Callable[[Prepared], Answers]
    finish: Callable[..., PartResult]


@dataclass(frozen=True, slots=True)
class _Ready(Generic[Prepared]):
    """A prepared range, and the seconds that it took."""

    rows: RowRange
    prepared: Prepared
    seconds: float


def stream_parts(
    upstreams: tuple[FinishedShard, ...],
    writer: ShardWriter,
    work: Work[Any, Any],
    report: OnProgress,
    workers: int = 0,
    price: Mapping[str, Any] | None = None,
) -> FinishedShard:
    """Do `work` on each range that is not committed yet, and finish the shard.

    With `workers` 0 the helpers are threads of this process, else that many processes. Either way a run that
    was killed and started again writes the same bytes as one that was not. At most five ranges are in flight,
    and the engine is never more than two ahead of what is committed: a kill costs no more than those.
    `price` is added to each range's cost. In it `seconds` is the time that passed for the range, so that
    ranges add up to the stage; `device_seconds` the engine's part; `host_seconds` that of its helpers.

    Raises:
        StoreError: the upstream stages do not have the same ranges.
    """
    require_same_ranges(upstreams)
    ranges = upstreams[0].ranges
    with writer.exclusive():
        todo = [rows for rows in ranges if not writer.is_committed(rows)]
        total = ranges[-1].stop if ranges else 0
        done = resumed = total - sum(rows.stop - rows.start for rows in todo)
        report(Progress(done, total, resumed))
        for rows in _committed(upstreams, writer, work, todo, workers, price or {}):
            done += rows.stop - rows.start
            report(Progress(done, total, resumed))
        return writer.finish()


def _committed(
    upstreams: tuple[FinishedShard, ...],
    writer: ShardWriter,
    work: Work[Any, Any],
    todo: list[RowRange],
    workers: int,
    price: Mapping[str, Any],
) -> Iterator[RowRange]:
    """Do the ranges; each is named once it is committed."""
    helpers = _helpers(workers)
    coming = deque(todo)
    ahead: deque[Future[_Ready[Any]]] = deque()
    behind: deque[Future[RowRange]] = deque()
    try:
        while coming or ahead:
            began = time.perf_counter()
            while coming and len(ahead) <= _AHEAD:
                ahead.append(helpers.submit(_prepare, work.prepare, upstreams, coming.popleft()))
            ready = ahead.popleft().result()
            started = time.perf_counter()
            answers = work.infer(ready.prepared)
            device = time.perf_counter() - started
            while len(behind) >= _BEHIND:
                yield behind.popleft().result()
            took = {"device_seconds": device, "seconds": time.perf_counter() - began}
            cost = {**price, **{name: round(value, 3) for name, value in took.items()}}
            behind.append(helpers.submit(_finish, work.finish, upstreams, writer, ready, answers, cost))
        while behind:
            yield behind.popleft().result()
    except BrokenExecutor as error:
        _helpers.cache_clear()
        raise RefinerError(
            f"A helper process of the refining died ({error}): most likely the machine ran out of memory. "
            "Lower inference.workers or inference.rows_per_commit, and run again: what is committed stays."
        ) from error
    finally:
        for one in ahead:
            one.cancel()


def _prepare(
    prepare: Callable[..., Any], upstreams: tuple[FinishedShard, ...], rows: RowRange
) -> _Ready[Any]:
    started = time.perf_counter()
    prepared = prepare(*(upstream.read(rows) for upstream in upstreams))
    return _Ready(rows, prepared, time.perf_counter() - started)


def _finish(
    finish: Callable[..., PartResult],
    upstreams: tuple[FinishedShard, ...],
    writer: ShardWriter,
    ready: _Ready[Any],
    answers: Any,
    cost: Mapping[str, Any],
) -> RowRange:
    started = time.perf_counter()
    tables = [upstream.read(ready.rows) for upstream in upstreams]
    result = finish(ready.prepared, answers, *tables)
    host = round(ready.seconds + time.perf_counter() - started, 3)
    writer.commit(ready.rows, result.table, cost={**cost, **result.cost, "host_seconds": host})
    return ready.rows


@lru_cache(maxsize=2)
def _helpers(workers: int) -> Executor:
    """The helpers of this process; they serve all its shards, so that processes start once."""
    if not workers:
        return ThreadPoolExecutor(2, thread_name_prefix="refining")
    return helping_processes(workers)
