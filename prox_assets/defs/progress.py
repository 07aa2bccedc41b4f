"""Progress of long steps in the run's log: rows, rate, time left."""

import time
from collections.abc import Callable

import dagster as dg

from prox_assets.refining.parts import Progress

_SECONDS_BETWEEN = 5.0


def log_parts(context: dg.AssetExecutionContext) -> Callable[[Progress], None]:
    """Log a shard's progress every few seconds and at its end."""
    started = last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN and progress.rows < progress.total:
            return
        last = now
        rate = (progress.rows - progress.resumed) / max(now - started, 1e-9)
        left = (progress.total - progress.rows) / rate if rate else 0.0
        resumed = f", {progress.resumed} of them from an earlier run" if progress.resumed else ""
        context.log.info(
            f"{progress.rows} of {progress.total} rows{resumed}, {rate:.0f} a second, {left:.0f} s left"
        )

    return report


def log_rows(context: dg.AssetExecutionContext) -> Callable[[int], None]:
    """Log how many rows were read, every few seconds."""
    last = time.monotonic()

    def report(rows: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN:
            last = time.monotonic()
            context.log.info(f"{rows} rows read")

    return report
