"""Execute stored programs: again at other thresholds, or as the code released with ProX does."""

import json
from typing import Any

import pyarrow as pa

from prox_assets.documents.files import read_json
from prox_assets.documents.schema import CHUNK_REFINED
from prox_assets.documents.store import FinishedShard, RowRange
from prox_assets.errors import RefinerError
from prox_assets.programs import KEEP_CHUNK, Outcome, Stage, parse
from prox_assets.programs.profiles.prox import execution_as_released
from prox_assets.refining.chunk_stage import (
    TokenCounter,
    dropped_row,
    failure_reason,
    programs_by_row,
    source_columns,
)
from prox_assets.refining.document_stage import DROPPED, KEPT, OK
from prox_assets.refining.driver import PartResult


def refuse_returned(refined: FinishedShard, programs: FinishedShard) -> None:
    """Refuse to execute chunk programs where documents came back that none were written for.

    Chunk programs are written for the documents that were kept then. A lower keep threshold keeps more, and
    those would go on unrefined without a word.

    Raises:
        RefinerError: counts them, and says that the model has to run.
    """
    manifest = read_json(programs.folder / "manifest.json")
    if manifest["configuration"]["upstreams"]["doc_refined_corpus"] == refined.fingerprint:
        return
    returned = sum(_without_programs(refined, programs, rows) for rows in refined.ranges)
    if returned:
        raise RefinerError(
            f"{returned} documents of {refined.key.domain}|{refined.key.shard} are kept now and were dropped "
            "when its chunk programs were written, so they have no chunk programs: set the threshold in the "
            "catalogue and materialize chunk_programs, which runs the model."
        )


def _without_programs(refined: FinishedShard, programs: FinishedShard, rows: RowRange) -> int:
    written = set(programs.read(rows)["row"].to_pylist())
    # A document that the refiner could not judge is kept with a reason, and may have no chunks at all.
    columns = (refined.read(rows)[name].to_pylist() for name in ("row", "status", "reason"))
    kept = [row for row, status, reason in zip(*columns, strict=True) if (status, reason) == (KEPT, "")]
    return sum(row not in written for row in kept)


CALL = "prox_profile"


def as_released(program: str) -> str:
    """Write a program the only way the released executor reads calls: keywords, double quotes, a line each.

    A text with refused calls is passed on as it was written: what becomes of it is the profile's business.
    """
    parsed = parse(program, Stage.CHUNK)
    if parsed.refusals:
        return program
    return "\n".join(_call(call.name, call.arguments) for call in parsed.calls)


def _call(name: str, arguments: tuple[Any, ...]) -> str:
    if name == "remove_lines" and len(arguments) == 2:
        return f"remove_lines(start={arguments[0]}, end={arguments[1]})"
    if name == "normalize":
        return f'normalize(source_str="{arguments[0]}", target_str="{arguments[1]}")'
    if name == "remove_lines":
        return "remove_lines(all=True)"
    return f"{name}({', '.join(json.dumps(argument) for argument in arguments)})"


class ReleasedExecutor:
    """Runs chunk programs with the released executor; as it keeps no record, both texts are counted.

    The record holds one edit for each document that changed: the whole text, replaced.
    """

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter

    def __call__(self, documents: pa.Table, programs: pa.Table) -> PartResult:
        """Execute a range's programs (`CHUNK_REFINED`): one row for every document, dropped ones included."""
        by_row = programs_by_row(programs)
        rows = [self._row(document, by_row.get(document["row"], [])) for document in documents.to_pylist()]
        return PartResult(pa.Table.from_pylist(rows, CHUNK_REFINED), {"documents": len(rows)})

    def _row(self, document: dict[str, Any], chunks: list[dict[str, Any]]) -> dict[str, Any]:
        if document["status"] == DROPPED:
            return dropped_row(document)
        source = document["text"]
        # Where the refiner failed on a chunk it asks for no change, and the document's reason says so.
        programs = [chunk["program"] if chunk["status"] == OK else KEEP_CHUNK for chunk in chunks]
        done = execution_as_released(source, map(as_released, programs))
        before, after = (len(starts) for starts in self._counter.token_starts([source, done.text]))
        after = min(before, after)
        edit = {
            "chunk": -1,
            "call": CALL,
            "outcome": str(Outcome.APPLIED),
            "start": 0,
            "stop": len(source),
            "replacement": done.text,
            "score": None,
            "n_tokens": before - after,
        }
        return source_columns(document) | {
            "text": done.text,
            "status": done.status.value,
            "reason": done.reason.value or document["reason"] or failure_reason(chunks),
            "n_tokens_in": before,
            "n_tokens_out": after,
            "edits": [edit] if done.text != source else [],
        }
