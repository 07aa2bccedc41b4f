"""Progress of long steps in the run's log, and training curves while a refiner is trained."""

import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from prox_assets.defs.ui.metadata import curves_markdown, finite_metadata
from prox_assets.refiner.checkpoint import Curves, EpochPoint, StepPoint
from prox_assets.refining.driver import Progress

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


_STEPS_BETWEEN = 20


def log_training(context: dg.AssetExecutionContext) -> Callable[[StepPoint | EpochPoint], None]:
    """Log loss and learning rate as they come; after each epoch the asset's page shows the curves so far."""
    curves = Curves()

    def report(point: StepPoint | EpochPoint) -> None:
        if isinstance(point, StepPoint):
            curves.steps.append(point)
            if point.step % _STEPS_BETWEEN == 0:
                context.log.info(
                    f"step {point.step} of {point.steps}: loss {point.loss:.4f}, "
                    f"learning rate {point.learning_rate:.2e}"
                )
        else:
            curves.epochs.append(point)
            context.log.info(
                f"epoch {point.epoch}: loss {point.training_loss:.4f}, F1 {point.validation_f1:.4f}"
            )
            context.log_event(_observation(context, curves))

    return report


def _observation(context: dg.AssetExecutionContext, curves: Curves) -> dg.AssetObservation:
    last = curves.epochs[-1]
    metadata: dict[str, Any] = {
        "epoch": last.epoch,
        "training_loss": last.training_loss,
        "validation_f1": last.validation_f1,
        "curves": dg.MetadataValue.md(curves_markdown(curves)),
    }
    if curves.steps:
        metadata |= {"step": last.step, "learning_rate": curves.steps[-1].learning_rate}
    return dg.AssetObservation(
        context.asset_key, partition=context.partition_key, metadata=finite_metadata(metadata)
    )
