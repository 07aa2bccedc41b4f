"""Runs over many shards: each recorded by itself, whatever becomes of the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from prox_assets.definitions import defs
from prox_assets.defs.partitions import SHARDS
from prox_assets.documents.store import ShardKey
from prox_assets.inference import EngineSettings
from prox_assets.refining import models as loaded
from prox_assets_tests.conftest import Graph
from prox_assets_tests.spoiled import CHECK, spoiled

ALL = {"web|part-000", "web|part-001", "web|part-002"}
REFINED = (
    "doc_programs",
    "doc_refined_corpus",
    "chunk_programs",
    "chunk_refined_corpus",
    "corpus_statistics",
)


def run_range(
    instance: dg.DagsterInstance, job: str, first: str, last: str, domain: str = "web"
) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(SHARDS, ["part-000", "part-001", "part-002"])
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": f"{domain}|{first}",
            "dagster/asset_partition_range_end": f"{domain}|{last}",
        },
        raise_on_error=False,
    )


def materialized(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(asset))


def failure_of(result: dg.ExecuteInProcessResult, step: str) -> str:
    (failed,) = [event for event in result.all_events if event.is_step_failure and event.step_key == step]
    return failed.step_failure_data.user_failure_data.description or ""


def reason(instance: dg.DagsterInstance, asset: str, key: str) -> str:
    (record,) = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key]), limit=5
    ).records
    return str(record.asset_observation.metadata["reason"].value)


@contextmanager
def hidden(path: Path) -> Iterator[None]:
    away = path.with_name("away.json")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def test_one_run_serves_many_shards_with_one_model_and_one_failed_shard_fails_no_other(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    really = loaded.open_document_refiner

    def counted(checkpoint: Path, settings: EngineSettings) -> loaded.AnyDocumentRefiner:
        opened.append(checkpoint)
        return really(checkpoint, settings)

    monkeypatch.setattr(loaded, "open_document_refiner", counted)
    loaded.load_document_refiner.forget()
    good = ALL - {"web|part-001"}
    with dg.DagsterInstance.ephemeral() as instance:
        with hidden(graph.store.root / "web" / "raw_documents" / "part-001" / "current.json"):
            result = run_range(instance, "refine_shard", "part-000", "part-002")
        assert not result.success
        for asset in REFINED:
            assert materialized(instance, asset) == good, asset
        events = result.asset_materializations_for_node("doc_programs")
        assert [event.partition for event in events] == sorted(good)
        assert {event.metadata["dagster/partition_row_count"].value for event in events} == {60}
        assert len({event.metadata["dagster/uri"].value for event in events}) == 2
        assert {check.partition for check in result.get_asset_check_evaluations()} == good
        said = failure_of(result, "corpus_statistics")
        assert said.startswith("1 of 3 shards failed, the others are done: web|part-001 at doc_programs: ")
        assert "is not there" in reason(instance, "doc_programs", "web|part-001")
        assert "doc_programs did not get it" in reason(instance, "doc_refined_corpus", "web|part-001")
        assert run_range(instance, "refine_shard", "part-001", "part-001").success
        assert materialized(instance, "corpus_statistics") == ALL
    assert len(opened) == 1


def test_a_blocking_check_stops_its_own_shard(graph: Graph) -> None:
    raw = graph.store.shard(ShardKey("web", "raw_documents", "part-001"))
    with spoiled(raw), dg.DagsterInstance.ephemeral() as instance:
        result = run_range(instance, "ingest_shard", "part-000", "part-002")
        bad = {check.partition for check in result.get_asset_check_evaluations() if not check.passed}
        assert bad == {"web|part-001"}
        assert f"web|part-001 at raw_documents: check {CHECK}" in failure_of(
            result, "raw_documents_expectations"
        )
        refined = run_range(instance, "refine_shard", "part-000", "part-002")
        assert materialized(instance, "corpus_statistics") == ALL - {"web|part-001"}
        assert "web|part-001" in failure_of(refined, "corpus_statistics")
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_range(instance, "ingest_shard", "part-000", "part-002").success


def test_a_range_may_hold_shards_that_only_another_domain_has(graph: Graph) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(SHARDS, ["part-000", "elsewhere", "part-001"])
        result = run_range(instance, "ingest_shard", "part-000", "part-001")
        assert result.success
        assert materialized(instance, "raw_documents") == {"web|part-000", "web|part-001"}
