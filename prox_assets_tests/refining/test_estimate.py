"""The estimate before refining, on a domain of the small graph and on a shard that is left to do."""

import shutil
from pathlib import Path

import pytest

from prox_assets.cli import main
from prox_assets.documents.store import ShardKey, Store
from prox_assets.errors import InputError
from prox_assets.inference import EngineSettings
from prox_assets.refining.estimate import Estimate, estimate_refining
from prox_assets.refining.models import load_chunk_refiner, load_document_refiner
from prox_assets_tests.conftest import Graph

SETTINGS = EngineSettings(threads=1)


def estimate(store: Store, artifacts: Store, sample: int) -> Estimate:
    folders = {
        name: artifacts.artifact("web", name).folder / "checkpoint"
        for name in ("doc_refiner", "chunk_refiner")
    }
    documents = load_document_refiner(folders["doc_refiner"], SETTINGS)
    return estimate_refining(
        store, "web", documents, load_chunk_refiner(folders["chunk_refiner"], SETTINGS), sample=sample
    )


def test_what_is_left_is_estimated_from_a_sample(graph: Graph, tmp_path: Path) -> None:
    store = graph.store
    done = estimate(store, store, 16)
    assert (done.documents, done.stages) == (0, ()) and done.shards_done > 0
    fresh = Store(tmp_path)
    shutil.copytree(graph.store.root / "web" / "raw_documents", tmp_path / "web" / "raw_documents")
    found = estimate(fresh, store, 16)
    raw = fresh.shards("web", "raw_documents")
    assert found.documents == sum(shard.rows for shard in raw) and found.shards == len(raw)
    assert 16 <= found.sampled <= 24
    real = sum(
        cost["tokens_in"]
        for one in raw
        for cost in store.shard(ShardKey("web", "doc_programs", one.key.shard)).costs()
    )
    assert found.stages[0].tokens == pytest.approx(real, rel=0.5)
    assert all(stage.device_seconds > 0 and stage.operations > stage.tokens for stage in found.stages)


def test_a_domain_without_documents(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="materialize raw_documents"):
        estimate(Store(tmp_path), graph.store, 16)


def test_the_command_prints_it(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "web", "--sample", "8"]) == 0
    assert "0 documents in 0 shards are left" in capsys.readouterr().out
