"""The driver of a stage without a model: each range of the stage before becomes one committed range of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from prox_assets.documents.store import FinishedShard, ShardWriter
from prox_assets.errors import StoreError


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
