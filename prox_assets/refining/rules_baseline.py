"""The rules teacher as a baseline: what published rules reach on the rows that a refiner is scored on."""

from dataclasses import asdict
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.chunking import Chunk
from prox_assets.programs import Stage, parse, removed_line_numbers
from prox_assets.refiner.metrics import Bools, at_threshold
from prox_assets.teacher.interface import Teacher


def evaluate_rules(teacher: Teacher, documents: pa.Table, labels: pa.Table) -> dict[str, Any]:
    """Score a teacher's decisions against labels of the same documents.

    `documents` has the columns of seed documents. Lines count as they do for a refiner: visible, not
    ambiguous, in documents that are to be kept; documents only where the labels have a `keep` column.
    """
    truth = {row["id"]: row for row in labels.to_pylist()}
    result: dict[str, Any] = {}
    if "keep" in labels.column_names:
        decided = teacher.annotate_documents(documents).select(["doc_id", "keep"]).to_pylist()
        pairs = [(row["keep"], truth[row["doc_id"]]["keep"]) for row in decided]
        known = [pair for pair in pairs if None not in pair]
        result["documents"] = _scores([pair[0] for pair in known], [pair[1] for pair in known])
    chunks = teacher.annotate_chunks(documents).to_pylist()
    found, wanted = [], []
    for doc_id, rows in groupby(chunks, key=lambda row: row["doc_id"]):
        label = truth[doc_id]
        if label.get("keep") is not False:
            counts = _counting(label)
            found.append(_removed(list(rows), len(label["lines"]))[counts])
            wanted.append(np.array(label["is_noise"], dtype=np.bool_)[counts])
    if wanted:
        result["lines"] = _scores(np.concatenate(found), np.concatenate(wanted))
    return result


def _scores(found: Any, wanted: Any) -> dict[str, float]:
    scores = np.asarray(found, dtype=np.float64)
    return asdict(at_threshold(scores, np.asarray(wanted, dtype=np.bool_), 0.5))


def _removed(rows: list[dict[str, Any]], n_lines: int) -> Bools:
    gone = np.zeros(n_lines, dtype=np.bool_)
    for row in rows:
        chunk = Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])
        gone[removed_line_numbers(parse(row["program"], Stage.CHUNK), chunk)] = True
    return gone


def _counting(label: dict[str, Any]) -> Bools:
    ambiguous = label.get("ambiguous") or [False] * len(label["lines"])
    pairs = zip(label["lines"], ambiguous, strict=True)
    return np.array([not unsure and bool(line.strip()) for line, unsure in pairs], dtype=np.bool_)
