"""The lines of labelled documents that count, with the groups that scores are told apart by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prox_assets.errors import RefinerError
from prox_assets.refiner.metrics import Bools
from prox_assets.refiner.visible import Ints

Names = npt.NDArray[np.str_]

GROUP_COLUMNS = {
    "source": ("source",),
    "language": ("language", "lang"),
    "page_type": ("page_type", "page_kind"),
}
"""The groups that labels may name, and the columns that may hold them."""

NONE = "none"
_PLACES = 10
_QUARTERS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


@dataclass(frozen=True, slots=True)
class LabelledLines:
    """The lines that count of `n_documents` documents, in order: those that have something visible and are
    not ambiguous.

    `truth`: whether a line is noise; `document`: the number of its document; `counting`: which lines of each
    document these are; `groups`: for each grouping the group of every line. All `(lines,)`.
    """

    truth: Bools
    document: Ints
    counting: tuple[Bools, ...]
    groups: Mapping[str, Names]

    @property
    def n_documents(self) -> int:
        """How many documents there are, those without a line that counts included."""
        return len(self.counting)

    def chosen(self, line_values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Of values for all lines of each document those of the lines that count, `(lines,)`."""
        parts = [values[counts] for values, counts in zip(line_values, self.counting, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0)


def labelled_lines(labels: pa.Table) -> LabelledLines:
    """Read a labels table (`id`, `lines`, `is_noise`, optionally `ambiguous` and columns of groups).

    Raises:
        RefinerError: columns are missing, lengths differ, a line holds a newline, or no line counts.
    """
    _check_columns(labels)
    rows = labels.to_pylist()
    counting = tuple(_counting(row) for row in rows)
    sizes = [int(counts.sum()) for counts in counting]
    if not sum(sizes):
        raise RefinerError("No line to evaluate: the labels are empty or all ambiguous. Give other labels.")
    document = np.repeat(np.arange(len(rows)), sizes)
    of_documents = document_groups(rows, [document_text(row) for row in rows])
    groups = {name: values[document] for name, values in of_documents.items()}
    groups["place"] = np.concatenate([_places(len(counts))[counts] for counts in counting])
    truth = [
        np.array(row["is_noise"], dtype=np.bool_)[counts] for row, counts in zip(rows, counting, strict=True)
    ]
    return LabelledLines(np.concatenate(truth), document, counting, groups)


def document_groups(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> dict[str, Names]:
    """The groups of documents, `(documents,)` each: what the labels name, and the quarter of their length."""
    found: dict[str, Names] = {}
    for name, columns in GROUP_COLUMNS.items():
        column = next((column for column in columns if rows and column in rows[0]), None)
        if column is not None:
            found[name] = np.array([str(row[column] or NONE) for row in rows])
    lengths = np.array([len(text) for text in texts])
    limits = np.quantile(lengths, [0.25, 0.5, 0.75]) if len(lengths) else np.zeros(3)
    found["length"] = np.array(_QUARTERS)[np.searchsorted(limits, lengths)]
    return found


def document_text(row: Mapping[str, Any]) -> str:
    """The document of a labels row: its lines joined by newlines.

    Raises:
        RefinerError: lines and flags differ in number, or a line holds a newline.
    """
    lines, flags = row["lines"], row["is_noise"]
    if not isinstance(lines, list) or not isinstance(flags, list) or len(lines) != len(flags):
        raise RefinerError(f"Document {row['id']}: lines and is_noise differ in length. Correct the labels.")
    if any("\n" in line for line in lines):
        raise RefinerError(f"Document {row['id']}: a line holds a newline. Split it into lines of its own.")
    return "\n".join(lines)


def _check_columns(labels: pa.Table) -> None:
    missing = {"id", "lines", "is_noise"} - set(labels.column_names)
    if missing:
        raise RefinerError(
            f"The labels lack the columns {', '.join(sorted(missing))}. "
            "Give a Parquet file with id, lines, is_noise and optionally ambiguous."
        )


def _counting(row: Mapping[str, Any]) -> Bools:
    ambiguous = row.get("ambiguous") or [False] * len(row["lines"])
    flags = [
        not unsure and bool(str(line).strip()) for line, unsure in zip(row["lines"], ambiguous, strict=True)
    ]
    return np.array(flags, dtype=np.bool_)


def _places(n_lines: int) -> Names:
    tenths = np.arange(n_lines) * _PLACES // max(n_lines, 1)
    return np.array([f"{_PLACES * tenth}%" for tenth in tenths])
