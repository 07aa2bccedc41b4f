"""What the UI's tab Checks shows of each partition, after each kind of run."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from prox_assets.definitions import defs
from prox_assets.defs.automation.backfills import ShardRange
from prox_assets.defs.automation.schedule import night_request
from prox_assets.defs.checks import CHECKED
from prox_assets.defs.partitions import SHARDS, domain_shards
from prox_assets.documents.store import ShardKey
from prox_assets.quality.checks.expectations import expectation_names
from prox_assets_tests.conftest import Graph
from prox_assets_tests.spoiled import CHECK, spoiled

RAW = [
    dg.AssetCheckKey(dg.AssetKey("raw_documents"), info.name) for info in expectation_names("raw_documents")
]
SHARDS_OF_WEB = ("part-000", "part-001")
NO_SHARD = "elsewhere"


@pytest.fixture
def instance(graph: Graph) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(SHARDS, [SHARDS_OF_WEB[0], NO_SHARD, SHARDS_OF_WEB[1]])
        yield made


def shown(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> dict[str, str]:
    """The partitions of a check by what the tab shows of them; a partition without a result is missing."""
    with partition_loading_context(dynamic_partitions_store=instance):
        state = instance.event_log_storage.get_asset_check_state([(check, domain_shards)])[check]
        return {
            str(key): status.value
            for status, subset in state.subsets.items()
            for key in subset.subset_value.get_partition_keys()
        }


def single(graph: Graph) -> Mapping[str, object]:
    return {"partition_key": "web|part-000"}


def backfill_of_one(graph: Graph) -> Mapping[str, object]:
    """Dagster makes a range of it all the same."""
    return {"tags": ShardRange("web", ("part-000",)).tags}


def backfill(graph: Graph) -> Mapping[str, object]:
    return {"tags": ShardRange("web", SHARDS_OF_WEB).tags}


def night(graph: Graph) -> Mapping[str, object]:
    return {"tags": night_request(ShardRange("web", SHARDS_OF_WEB), graph.catalogue, "tonight").tags}


@pytest.mark.parametrize(("run", "shards"), [(single, 1), (backfill_of_one, 1), (backfill, 2), (night, 2)])
def test_every_partition_of_a_run_has_its_result(
    graph: Graph,
    instance: dg.DagsterInstance,
    run: Callable[[Graph], Mapping[str, object]],
    shards: int,
) -> None:
    result = defs.resolve_job_def("ingest_shard").execute_in_process(instance=instance, **run(graph))
    assert result.success
    for check in RAW:
        found = shown(instance, check)
        nothing = found.pop(f"web|{NO_SHARD}", "")
        assert nothing == ("SUCCEEDED" if shards > 1 else "")  # one that is skipped makes the check read so
        assert found == {f"web|{shard}": "SUCCEEDED" for shard in SHARDS_OF_WEB[:shards]}
        (record,) = instance.event_log_storage.get_asset_check_execution_history(check, 1)
        assert record.partition is not None


def test_the_partition_that_fails_its_check_is_the_one_that_shows_it(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    check = dg.AssetCheckKey(dg.AssetKey("raw_documents"), CHECK)
    job = defs.resolve_job_def("ingest_shard")
    assert job.execute_in_process(instance=instance, **backfill(graph)).success
    with spoiled(graph.store.shard(ShardKey("web", "raw_documents", "part-001"))):
        job.execute_in_process(instance=instance, raise_on_error=False, **backfill(graph))
        assert shown(instance, check) == {
            "web|part-000": "SUCCEEDED",
            "web|part-001": "FAILED",
            f"web|{NO_SHARD}": "SUCCEEDED",
        }
    assert job.execute_in_process(instance=instance, partition_key="web|part-001").success
    assert shown(instance, check)["web|part-001"] == "SUCCEEDED"


def test_every_check_of_a_partitioned_asset_is_of_its_partitions() -> None:
    """Those of what follows the shards excepted: they are run again without their asset, for all domains."""
    graph = defs.resolve_asset_graph()
    for key in graph.asset_check_keys:
        if key.name == "all_shards":
            assert graph.get(key).partitions_def is None
        else:
            assert graph.get(key).partitions_def == graph.get(key.asset_key).partitions_def, key
    assert {key.asset_key.to_user_string() for key in graph.asset_check_keys} >= set(CHECKED)
