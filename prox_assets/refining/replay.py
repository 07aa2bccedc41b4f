"""Executing stored programs again, after thresholds have moved: what that can do, and what needs a model."""

import json

import pyarrow.compute as pc

from prox_assets.documents.store import FinishedShard, RowRange, ShardKey
from prox_assets.errors import RefinerError
from prox_assets.refining.documents import KEPT


def refuse_returned(refined: FinishedShard, programs: FinishedShard) -> None:
    """Refuse to execute chunk programs where documents came back that none were written for.

    Chunk programs are written for the documents that were kept then. A lower keep threshold keeps more, and
    those would go on unrefined without a word.

    Raises:
        RefinerError: counts them, and says that the model has to run.
    """
    written_for = json.loads((programs.folder / "manifest.json").read_text())["configuration"]["upstreams"]
    before = refined.folder.parent / written_for["doc_refined_corpus"]
    if before == refined.folder:
        return
    then = FinishedShard(refined.key, before, before.name, refined.ranges, refined.rows)
    returned = sum(_returned(then, refined, rows) for rows in refined.ranges)
    if returned:
        raise RefinerError(
            f"{returned} documents of {_name(refined.key)} are kept now that were dropped when its chunk "
            "programs were written, so they have none: materialize chunk_programs, which runs the model."
        )


def _returned(then: FinishedShard, now: FinishedShard, rows: RowRange) -> int:
    kept = pc.equal(now.read(rows)["status"], KEPT)
    return int(pc.sum(pc.and_(kept, pc.not_equal(then.read(rows)["status"], KEPT))).as_py() or 0)


def _name(key: ShardKey) -> str:
    return f"{key.domain}|{key.shard}"
