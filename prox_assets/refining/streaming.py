"""The driver of a stage with a model: ranges are prepared ahead of it and finished behind it.

While the engine works on one range, helpers read, tokenize and cut the next ones, and write the programs of
those before and commit them. Memory is bounded by the few ranges in flight, whatever the size of the shard.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from prox_assets.documents.store import FinishedShard, RowRange, ShardWriter
from prox_assets.errors import RefinerError
from prox_assets.refining.parts import OnProgress, PartResult, Progress, require_same_ranges
from prox_assets.refining.processes import helping_processes

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
