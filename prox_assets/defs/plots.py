"""Small pictures for the metadata of a materialization, as markdown that the UI shows."""

import base64
import io

from prox_assets.refiner.curves import Curves

_DOTS_PER_INCH = 80


def curves_markdown(curves: Curves) -> str:
    """Draw the loss and the learning rate of each step and the validation F1 of each epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.4), layout="constrained")
    loss, rate, quality = figure.subplots(1, 3)
    steps = [point.step for point in curves.steps]
    loss.plot(steps, [point.loss for point in curves.steps], linewidth=1)
    loss.set(title="training loss", xlabel="step")
    rate.plot(steps, [point.learning_rate for point in curves.steps], linewidth=1)
    rate.set(title="learning rate", xlabel="step")
    epochs = [point.epoch for point in curves.epochs]
    quality.plot(epochs, [point.validation_f1 for point in curves.epochs], marker="o")
    quality.set(title="validation F1", xlabel="epoch", xticks=epochs)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return f"![curves](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
