"""The jobs that people start from the launch pad, on the small graph."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from prox_assets.config.loading import catalogue_path
from prox_assets.config.yaml_tree import read_yaml
from prox_assets.definitions import defs
from prox_assets.defs.partitions import SHARDS, CatalogueResource, partition_key, register_shards
from prox_assets.documents.store import ShardKey
from prox_assets_tests.conftest import Graph

KEY = str(partition_key("math", "part-002"))


def moved(tmp_path: Path, **thresholds: float) -> dict[str, CatalogueResource]:
    """The small catalogue with other thresholds for math."""
    values = read_yaml(catalogue_path().read_bytes()).value
    values["domains"]["math"]["thresholds"] = thresholds
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump(values))
    return {"catalogue": CatalogueResource(path=str(path))}


@pytest.mark.usefixtures("no_models")
def test_programs_are_executed_again_at_other_thresholds_without_a_model(
    graph: Graph, tmp_path: Path
) -> None:
    job = defs.resolve_job_def("execute_programs")
    refined = ShardKey("math", "chunk_refined_corpus", "part-002")
    before = graph.store.shard(refined).fingerprint
    programs = graph.store.shard(ShardKey("math", "chunk_programs", "part-002")).fingerprint
    with dg.DagsterInstance.ephemeral() as instance:
        register_shards(instance, graph.catalogue)
        strict = job.execute_in_process(
            instance=instance, partition_key=KEY, resources=moved(tmp_path, keep=1.0, line=0.9)
        )
        (event,) = strict.asset_materializations_for_node("chunk_refined_corpus")
        assert event.metadata["documents_kept"].value == 0
        assert graph.store.shard(refined).fingerprint != before
        assert graph.store.shard(ShardKey("math", "chunk_programs", "part-002")).fingerprint == programs
        lax = job.execute_in_process(
            instance=instance, partition_key=KEY, resources=moved(tmp_path, keep=0.0), raise_on_error=False
        )
        (failed,) = [event for event in lax.all_events if event.is_step_failure]
        assert "have no chunk programs: set the threshold" in str(
            failed.step_failure_data.user_failure_data.description
        )
        assert job.execute_in_process(instance=instance, partition_key=KEY).success
    assert graph.store.shard(refined).fingerprint == before


def test_refiners_are_compared_on_a_sample_before_switching(graph: Graph) -> None:
    other = {
        name: str(graph.store.artifact("math", name).folder / "checkpoint")
        for name in ("doc_refiner", "chunk_refiner")
    }
    config = {"ops": {"try_refiners": {"config": {**other, "sample": 40}}}}
    job = defs.resolve_job_def("compare_refiners_on_sample")
    current = graph.store.shard(ShardKey("web", "chunk_refined_corpus", "part-000")).fingerprint
    result = job.execute_in_process(instance=graph.instance, run_config=config)
    page = Path(result.output_for_node("try_refiners"))
    assert "present" in page.read_text() and "tried" in page.read_text()
    assert graph.store.shard(ShardKey("web", "chunk_refined_corpus", "part-000")).fingerprint == current


def test_what_is_new_is_asked_for_with_the_defaults(graph: Graph) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(SHARDS, ["part-000", "part-001"])
        for shard in ("part-000", "part-001"):
            instance.report_runless_asset_event(
                dg.AssetMaterialization("raw_documents", partition=f"web|{shard}")
            )
        assert defs.resolve_job_def("refine_new").execute_in_process(instance=instance).success
        (backfill,) = instance.get_backfills()
        assert backfill.title == "refine what is new of web"
