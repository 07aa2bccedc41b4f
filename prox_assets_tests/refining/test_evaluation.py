from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prox_assets.errors import InputError
from prox_assets.refiner.metrics import Floats
from prox_assets.refining.evaluation import (
    KnownLines,
    _removal_metrics,
    _removed_mask,
    _truth_masks,
    read_labels,
)


class _Counting:
    """Scores a line by its length and counts the texts it was asked for."""

    line_threshold = 5.0

    def __init__(self) -> None:
        self.asked: list[str] = []

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        self.asked += texts
        return [np.array([float(len(line)) for line in text.split("\n")]) for text in texts]


def test_a_text_is_scored_once() -> None:
    scorer = _Counting()
    known = KnownLines(scorer)
    first = known.line_scores(["a\nbb", "ccc", "a\nbb"])
    again = known.line_scores(["ccc", "dddd"])
    assert [scores.tolist() for scores in first] == [[1.0, 2.0], [3.0], [1.0, 2.0]]
    assert [scores.tolist() for scores in again] == [[3.0], [4.0]]
    assert scorer.asked == ["a\nbb", "ccc", "dddd"]


def test_removal_counts_visible_characters_by_hand() -> None:
    label = {
        "id": "a",
        "lines": ["Home", "clean [edit]", "unsure"],
        "is_noise": [True, False, False],
        "ambiguous": [False, False, True],
        "spans": [{"line": 1, "start": 6, "stop": 12}],
        "keep": True,
    }
    noise, counts = _truth_masks(label)
    text = "\n".join(label["lines"])  # type: ignore[arg-type]
    assert "".join(c for c, on in zip(text, noise & counts, strict=True) if on) == "Home[edit]"
    assert "".join(c for c, on in zip(text, counts, strict=True) if on) == "Homeclean[edit]"
    row = {
        "status": "kept",
        "edits": [
            {"outcome": "applied", "start": 0, "stop": 5},
            {"outcome": "no_match", "start": 5, "stop": 9},
        ],
    }
    gone = _removed_mask(row, len(text))
    assert gone.sum() == 5
    right, wanted, removed = 4, 10, 4
    metrics = _removal_metrics(right, wanted, removed, 15, 1)
    assert metrics.precision == 1.0
    assert metrics.recall == 0.4
    assert metrics.kept_share_of_clean == 1.0
    assert metrics.noise_left == pytest.approx(6 / 11)


def test_a_dropped_document_is_noise_throughout() -> None:
    noise, counts = _truth_masks({"id": "a", "lines": ["ab", "c"], "is_noise": [False, False], "keep": False})
    assert (noise & counts).sum() == 3
    assert _removed_mask({"status": "dropped", "edits": []}, 4).all()


def test_a_labels_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"id": ["a"]}), file)
    with pytest.raises(InputError, match="is_noise, lines missing"):
        read_labels(file, {"a"}, 10)
    with pytest.raises(InputError, match="no such labels file"):
        read_labels(file.with_name("absent"), {"a"}, 10)
