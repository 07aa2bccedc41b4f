"""The files of a shard at every stage and what the stages cost, as the statistics take them."""

from collections.abc import Mapping

from prox_assets.documents.store import FinishedShard
from prox_assets.quality.statistics import CostRecord, ShardInputs


def shard_inputs(domain: str, shard: str, stages: Mapping[str, FinishedShard]) -> ShardInputs:
    """Gather the finished stages of one shard, by asset name from raw_documents to chunk_refined_corpus."""
    return ShardInputs(
        domain,
        shard,
        rejected=stages["raw_documents"].paths("rejected"),
        costs=tuple(cost for name, finished in stages.items() for cost in _costs(name, finished)),
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
            parameters=cost.get("parameters", 0),
        )
        for cost in finished.costs()
    ]
