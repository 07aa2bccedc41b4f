"""Evaluation counts the lines that count, against scores fixed by hand."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from prox_assets.errors import RefinerError
from prox_assets.refiner.evaluation import document_metrics, evaluate_lines
from prox_assets.refiner.metrics import Floats


class Known:
    """A scorer that reads the score from the line itself."""

    line_threshold = 0.5

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        return [np.array([float(line or 0.99) for line in text.split("\n")]) for text in texts]


def labels(*documents: tuple[list[str], list[bool], list[bool] | None]) -> pa.Table:
    rows = [
        {"id": f"d{number}", "lines": lines, "is_noise": noise, "ambiguous": ambiguous}
        for number, (lines, noise, ambiguous) in enumerate(documents)
    ]
    return pa.Table.from_pylist(rows)


def test_ambiguous_and_blank_lines_do_not_count() -> None:
    table = labels(
        (["0.9", "0.8", "", "0.2"], [True, False, True, True], [False, False, False, False]),
        (["0.7", "0.1"], [False, False], [True, False]),
        (["0.7"], [False], [True]),
        (["0.6"], [True], None),
    )
    found = evaluate_lines(Known(), table, batch_documents=2)
    assert (found.n_documents, found.n_lines, found.n_noise_lines) == (3, 5, 3)
    # Called noise: 0.9, 0.8 (wrongly), 0.6; missed: 0.2.
    assert (found.precision, found.recall, found.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert found.best_f1 == pytest.approx(6 / 7)
    assert found.average_precision == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert found.expected_calibration_error == pytest.approx((0.1 + 0.8 + 0.4 + 0.8 + 0.1) / 5)


def test_the_ambiguous_column_may_be_absent() -> None:
    table = labels((["0.9", "0.2"], [True, False], None)).drop_columns(["ambiguous"])
    assert evaluate_lines(Known(), table).f1 == 1


def test_labels_that_cannot_be_are_refused() -> None:
    good = labels((["0.9"], [True], None))
    for table, message in (
        (good.drop_columns(["is_noise"]), "lack the columns is_noise"),
        (labels((["0.9", "1"], [True], None)), "differ in length"),
        (labels((["0.9\n0.8"], [True], None)), "holds a newline"),
        (labels((["0.9"], [True], [True])), "No line to evaluate"),
    ):
        with pytest.raises(RefinerError, match=message):
            evaluate_lines(Known(), table)


def test_documents_by_hand() -> None:
    found = document_metrics(np.array([0.9, 0.6, 0.4]), np.array([True, False, True]), 0.5)
    assert (found.precision, found.recall, found.f1, found.roc_auc) == pytest.approx((0.5, 0.5, 0.5, 0.5))
    assert (found.n_documents, found.n_keep) == (3, 2)
    assert document_metrics(np.array([0.9]), np.array([True]), 0.5).roc_auc is None
