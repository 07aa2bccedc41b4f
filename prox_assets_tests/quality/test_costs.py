from pathlib import Path

from prox_assets.documents.store import RowRange, ShardKey, Store
from prox_assets.quality.statistics.shard import CostRecord, shard_inputs, write_shard_statistics
from prox_assets_tests.quality.shards import PAGES, REJECTED, tables

STAGES = ("raw_documents", "doc_programs", "doc_refined_corpus", "chunk_programs", "chunk_refined_corpus")


def test_a_stored_shard_is_accounted_for_with_its_costs(tmp_path: Path) -> None:
    store, stages = Store(tmp_path / "store"), tables(PAGES, REJECTED)
    cost = {"seconds": 2.5, "device": "cuda", "documents": 9, "tokens_in": 70, "parameters": 1_000}
    cost |= {"tokens_written": 5, "device_seconds": 2.0, "peak": 1e6}
    finished = {}
    for stage in STAGES:
        writer = store.writer(ShardKey("web", stage, "web-000"), {"asset": stage})
        sides = {"rejected": stages["rejected"]} if stage == "raw_documents" else None
        writer.commit(RowRange(0, 12), stages[stage], sides, cost if stage == "doc_programs" else None)
        finished[stage] = writer.finish()
    inputs = shard_inputs("web", "web-000", finished)
    assert inputs.costs == (CostRecord("doc_programs", 2.5, "cuda", 9, 70, 5, 1_000, 2.0, 1e6),)
    assert inputs.costs[0].operations == 2 * 1_000 * 75
    figures = write_shard_statistics(inputs, tmp_path / "statistics")
    assert (figures.documents, figures.documents_kept, figures.tokens_kept) == (12, 6, 45)
