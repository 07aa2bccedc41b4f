"""The files of a shard at every stage, their costs and their runs, as the statistics take them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from prox_assets.documents.store import FinishedShard
from prox_assets.quality.statistics import CostRecord, RunRecord, ShardInputs


def shard_inputs(domain: str, shard: str, stages: Mapping[str, FinishedShard]) -> ShardInputs:
    """Gather the finished stages of one shard, by asset name from raw_documents to chunk_refined_corpus."""
    return ShardInputs(
        domain,
        shard,
        rejected=stages["raw_documents"].paths("rejected"),
        costs=tuple(cost for name, finished in stages.items() for cost in _costs(name, finished)),
        runs=tuple(_run(name, finished) for name, finished in stages.items()),
        **{name: finished.paths() for name, finished in stages.items()},
    )


def _costs(stage: str, finished: FinishedShard) -> list[CostRecord]:
    return [
        CostRecord(
            stage,
            cost["seconds"],
            cost.get("device", "cpu"),
            cost.get("documents", 0),
            cost.get("tokens_in", 0),
            tokens_out=cost.get("tokens_written", 0),
            parameters=cost.get("parameters", 0),
            device_seconds=cost.get("device_seconds", 0.0),
            peak=cost.get("peak", 0.0),
        )
        for cost in finished.costs()
    ]


def _run(stage: str, finished: FinishedShard) -> RunRecord:
    """The manifest is written when the last range is committed; its time is when the run was finished."""
    written = (finished.folder / "manifest.json").stat().st_mtime
    at = datetime.fromtimestamp(written, UTC).replace(tzinfo=None, microsecond=0)
    return RunRecord(stage, finished.fingerprint, finished.rows, len(finished.ranges), at)
