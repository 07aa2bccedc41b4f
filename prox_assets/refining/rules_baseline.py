"""The rules teacher as a baseline: what published rules reach on the rows that a refiner is scored on."""

from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.chunking import Chunk
from prox_assets.programs import Rails, Stage, parse, removed_line_numbers
from prox_assets.refiner.metrics import Bools
from prox_assets.refining.judged_programs import judge_programs, program_metrics
from prox_assets.refining.score_sheet import Answers, Decisions, LabelledPages, page_texts
from prox_assets.teacher.interface import Teacher


def rules_answers(teacher: Teacher, documents: pa.Table, pages: LabelledPages, rails: Rails) -> Answers:
    """A teacher's decisions on labelled pages; `documents` are the same ones as seed documents have them."""
    keep = _keep(teacher, documents, pages)
    chunks = {
        doc_id: list(rows)
        for doc_id, rows in groupby(
            teacher.annotate_chunks(documents).to_pylist(), key=lambda row: str(row["doc_id"])
        )
    }
    ids, texts = pages.kept["id"].to_pylist(), page_texts(pages.kept)
    programs = [[(_chunk(row), str(row["program"])) for row in chunks.get(doc_id, ())] for doc_id in ids]
    judged = [judge_programs(*page, rails) for page in zip(texts, programs, strict=True)]
    lines = None
    if pages.lines is not None:
        gone = [_removed(text, found) for text, found in zip(texts, programs, strict=True)]
        lines = Decisions(pages.lines.chosen(gone).astype(np.bool_))
    return Answers(keep, lines, [one.removed for one in judged], program_metrics(judged))


def _keep(teacher: Teacher, documents: pa.Table, pages: LabelledPages) -> Decisions | None:
    """The decisions on documents; one that the teacher leaves open stays."""
    if not pages.judged.num_rows:
        return None
    decided = teacher.annotate_documents(documents).select(["doc_id", "keep"]).to_pylist()
    keep = {row["doc_id"]: row["keep"] is not False for row in decided}
    return Decisions(
        np.array([keep.get(one, True) for one in pages.judged["id"].to_pylist()], dtype=np.bool_)
    )


def _removed(text: str, programs: list[tuple[Chunk, str]]) -> Bools:
    gone = np.zeros(text.count("\n") + 1, dtype=np.bool_)
    for chunk, program in programs:
        gone[removed_line_numbers(parse(program, Stage.CHUNK), chunk)] = True
    return gone


def _chunk(row: dict[str, Any]) -> Chunk:
    return Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])
