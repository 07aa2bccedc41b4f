"""Which lines of a labelled document are noise, and which count."""

import numpy as np

from prox_assets.chunking import line_spans
from prox_assets.refiner.examples import IGNORED, LabelledText, character_labels
from prox_assets.refiner.visible import Bools, visible


def line_truth(row: LabelledText) -> tuple[Bools, Bools]:
    """For every line whether it is noise and whether it counts, `(lines,)` each.

    A line is noise when all its visible characters are. It counts when it has visible characters and none is
    ignored.
    """
    shown, labels = visible(row.text), character_labels(row)
    spans = np.array(line_spans(row.text), dtype=np.int64)
    total = _per_line(shown, spans)
    noise = _per_line(shown & (labels == 1), spans)
    ignored = _per_line(shown & (labels == IGNORED), spans)
    return (noise == total) & (total > 0), (total > 0) & (ignored == 0)


def _per_line(flags: Bools, spans: np.ndarray) -> np.ndarray:
    sums = np.r_[0, np.cumsum(flags)]
    result: np.ndarray = sums[spans[:, 1]] - sums[spans[:, 0]]
    return result
