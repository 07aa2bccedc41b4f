"""A training run while it runs: lines in its log, and an observation with its curves for every epoch."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from prox_assets.defs.metadata import finite_metadata
from prox_assets.defs.plots import curves_markdown
from prox_assets.refiner.curves import Curves, EpochPoint, StepPoint

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
