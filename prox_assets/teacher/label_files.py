"""Reading label files: only the rows of the seeds, and clear words where a file is not as it should be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.errors import TeacherError

if TYPE_CHECKING:
    import pyarrow.dataset as ds

Row = dict[str, Any]


def rows_by_id(
    path: Path,
    id_column: str,
    required: Sequence[str],
    optional: Sequence[str],
    ids: Sequence[str],
    where: Mapping[str, str],
) -> dict[str, list[Row]]:
    """The rows of a Parquet file for these ids (compared as text), by id; each with the asked columns.

    `where` keeps rows whose column equals the value, compared as text. Batches that are read are filtered as
    they come, so that memory is bounded by the seeds.
    Raises TeacherError for a file that is missing, unreadable, or without a column that is needed.
    """
    dataset = _opened(path)
    _check_columns(path, dataset, [id_column, *required, *where])
    present = [column for column in optional if column in dataset.schema.names]
    wanted = pc.field(id_column).cast(pa.string()).isin(list(ids))
    for column, value in where.items():
        wanted &= pc.field(column).cast(pa.string()) == value
    columns = [id_column, *(name for name in [*required, *present] if name != id_column)]
    found: dict[str, list[Row]] = {}
    for batch in dataset.to_batches(columns=columns, filter=wanted):
        for row in batch.to_pylist():
            found.setdefault(str(row[id_column]), []).append(row)
    return found


def _opened(path: Path) -> "ds.Dataset":
    # It imports pandas: four tenths of a second that a code location need not pay.
    import pyarrow.dataset as ds

    if not path.is_file():
        raise TeacherError(f"the labels teacher finds no file {path}; correct the path in the catalogue")
    try:
        return ds.dataset(path, format="parquet")
    except (pa.ArrowInvalid, OSError) as error:
        raise TeacherError(
            f"{path} is not a Parquet file that can be read ({error}); write it anew"
        ) from error


def _check_columns(path: Path, dataset: "ds.Dataset", needed: Sequence[str]) -> None:
    missing = [column for column in needed if column not in dataset.schema.names]
    if missing:
        raise TeacherError(
            f"{path} has no column {', '.join(map(repr, missing))}, only {', '.join(dataset.schema.names)}. "
            "Name the right columns in the catalogue or write them into the file"
        )
