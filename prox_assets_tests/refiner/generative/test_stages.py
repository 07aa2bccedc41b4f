"""A shard through all stages with refiners that write: rows conserved, thresholds that move, cut-offs."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from prox_assets.documents.schema import RAW
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.inference import EngineSettings
from prox_assets.programs import Rails, Stage, parse
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.scoring.training import TrainedRefiner
from prox_assets.refining import stages as shards
from prox_assets.refining.driver import Progress
from prox_assets.refining.models import load_chunk_refiner, load_document_refiner
from prox_assets.sample import SamplePage

pytest.importorskip("llguidance", reason="llguidance, which holds models to a grammar, is not installed")
SETTINGS = EngineSettings(device="cpu", threads=1)


def _silent(progress: Progress) -> None:
    pass


def _raw(store: Store, texts: Sequence[str]) -> FinishedShard:
    writer = store.writer(ShardKey("web", "raw_documents", "s"), {})
    rows = [
        {"row": row, "doc_id": str(row), "text": text, "metadata": "{}"} for row, text in enumerate(texts)
    ]
    table = pa.Table.from_pylist(rows, RAW)
    for start in range(0, len(rows), 10):
        part = table.slice(start, 10)
        writer.commit(RowRange(start, start + part.num_rows), part)
    return writer.finish()


def _table(shard: FinishedShard) -> list[dict[str, object]]:
    return pa.concat_tables([shard.read(rows) for rows in shard.ranges]).to_pylist()


def test_a_shard_is_refined_by_models_that_write(
    writing_documents: TrainedRefiner,
    writing_chunks: TrainedRefiner,
    known_pages: Sequence[SamplePage],
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    texts = [page.text for page in known_pages] + ["", "A very long line. " * 400]
    raw = _raw(store, texts)
    documents = load_document_refiner(writing_documents.path, SETTINGS)
    chunks = load_chunk_refiner(writing_chunks.path, SETTINGS)

    judged = shards.write_doc_programs(store, raw, documents, _silent)
    rows = _table(judged)
    assert [row["status"] for row in rows] == ["failed" if text == "" else "ok" for text in texts]
    assert {row["program"] for row in rows} <= {"keep_doc()", "drop_doc()", ""}
    assert rows[-1]["n_tokens_seen"] == 300 < rows[-1]["n_tokens"]

    kept = {
        threshold: sum(row["status"] == "kept" for row in _table(_refined(store, raw, judged, threshold)))
        for threshold in (0.0, 1.0)
    }
    assert kept == {0.0: len(texts), 1.0: 1}, "the empty document could not be judged"

    everything = _refined(store, raw, judged, 0.0)
    programs = shards.write_chunk_programs(store, everything, chunks, _silent)
    written = _table(programs)
    assert {row["row"] for row in written} == {row for row, text in enumerate(texts) if text}
    assert not any(
        parse(str(row["program"]), Stage.CHUNK).refusals for row in written if row["error"] is None
    )
    assert all(row["line_scores"] == [] for row in written)
    costs = programs.costs()
    assert sum(cost["cut_off"] for cost in costs) == sum(row["error"] is not None for row in written)
    assert sum(cost["malformed"] for cost in costs) <= sum(cost["cut_off"] for cost in costs)

    moved = ChunkThresholds(0.9)  # moves nothing: what was written stands
    for thresholds in (None, moved):
        done = shards.write_chunk_refined(
            store, everything, programs, writing_documents.path, Rails(), thresholds, _silent
        )
        refined = _table(done)
        assert [row["row"] for row in refined] == list(range(len(texts)))
        assert sum(len(str(row["text"])) for row in refined) < sum(map(len, texts))
        for row in refined:
            assert 0 <= int(str(row["n_tokens_out"])) <= int(str(row["n_tokens_in"]))


def _refined(store: Store, raw: FinishedShard, judged: FinishedShard, threshold: float) -> FinishedShard:
    return shards.write_doc_refined(store, raw, judged, threshold, _silent)
