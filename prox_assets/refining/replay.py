"""Executing stored programs again, after thresholds have moved: what that can do, and what needs a model."""

from prox_assets.documents.files import read_json
from prox_assets.documents.store import FinishedShard, RowRange
from prox_assets.errors import RefinerError
from prox_assets.refining.documents import KEPT


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
