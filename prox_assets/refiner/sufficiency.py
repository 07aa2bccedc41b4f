"""Is there enough to train on? Said before a model is made, with the remedy."""

import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.errors import RefinerError
from prox_assets.refiner.examples import LabelledText, labelled_texts
from prox_assets.refiner.truth import line_truth

LEAST_TRAINING = 10
LEAST_VALIDATION = 2
_REMEDY = "Annotate more seeds (seeds.size), check the teacher, or raise validation_share."


def split_of(table: pa.Table, split: str) -> pa.Table:
    """The rows of one split, `train` or `validation`."""
    return table.filter(pc.equal(table["split"], split))


def require_documents(table: pa.Table) -> None:
    """Raise RefinerError unless both splits hold enough documents to keep and to drop."""
    for split, least in (("train", LEAST_TRAINING), ("validation", LEAST_VALIDATION)):
        keep = split_of(table, split)["keep"].to_pylist()
        for label, found in (("keep", sum(keep)), ("drop", len(keep) - sum(keep))):
            if found < least:
                raise RefinerError(
                    f"The document refiner needs {least} {split} documents labelled {label}, "
                    f"there are {found}. {_REMEDY}"
                )


def require_chunks(table: pa.Table) -> None:
    """Raise RefinerError unless both splits hold enough documents, with noisy and clean lines."""
    for split, least in (("train", LEAST_TRAINING), ("validation", LEAST_VALIDATION)):
        rows = labelled_texts(split_of(table, split))
        if len(rows) < least:
            raise RefinerError(
                f"The chunk refiner needs {least} {split} documents with line labels, "
                f"there are {len(rows)}. {_REMEDY}"
            )
        _require_both_kinds(rows, split)


def _require_both_kinds(rows: list[LabelledText], split: str) -> None:
    noisy = clean = 0
    for row in rows:
        noise, counts = line_truth(row)
        noisy += int((noise & counts).sum())
        clean += int((~noise & counts).sum())
    for kind, found in (("noisy", noisy), ("clean", clean)):
        if not found:
            raise RefinerError(f"The chunk refiner has no {kind} line among the {split} documents. {_REMEDY}")
