import dagster as dg
from syrupy.assertion import SnapshotAssertion

from prox_assets.definitions import defs
from prox_assets.defs.automation.discovery import new_shards
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.ui import LINEAGES
from prox_assets_tests.conftest import Graph


def test_the_asset_graph(snapshot: SnapshotAssertion) -> None:
    """Reviewed by eye when it changes: assets and what they depend on, partitions, pools, checks, jobs."""
    graph = defs.resolve_asset_graph()
    assets = {
        key.to_user_string(): {
            "depends on": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "group": graph.get(key).group_name,
            "partitions": type(graph.get(key).partitions_def).__name__,
            "pools": sorted(graph.get(key).pools or ()),
            "checks": sorted(check.name for check in graph.get_check_keys_for_assets({key})),
        }
        for key in sorted(graph.get_all_asset_keys())
    }
    jobs = sorted(job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__"))
    assert {
        "assets": assets,
        "jobs": jobs,
        "sensors": [sensor.name for sensor in defs.sensors or ()],
        "schedules": [schedule.name for schedule in defs.schedules or ()],
    } == snapshot


def test_every_asset_explains_itself() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key


def test_the_lineage_names_columns_that_are_there() -> None:
    schemas = {
        spec.key.to_user_string(): {column.name for column in spec.metadata["dagster/column_schema"].columns}
        for spec in defs.resolve_all_asset_specs()
        if "dagster/column_schema" in spec.metadata
    }
    for asset, lineage in LINEAGES.items():
        assert set(lineage.deps_by_column) <= schemas[asset], asset
        for dep in (dep for deps in lineage.deps_by_column.values() for dep in deps):
            assert dep.column_name in schemas[dep.asset_key.to_user_string()], (asset, dep)


def test_the_sensor_finds_new_shards_once(graph: Graph) -> None:
    resources = {"catalogue": CatalogueResource(path=str(_catalogue()))}
    with dg.DagsterInstance.ephemeral() as fresh:
        context = dg.build_sensor_context(instance=fresh, resources=resources)
        found = new_shards(context)
        assert isinstance(found, dg.SensorResult)
        assert len(found.run_requests or ()) == 8
        (request,) = found.dynamic_partitions_requests or ()
        assert sorted(request.partition_keys) == ["heldout-000", "part-000", "part-001", "part-002"]
    context = dg.build_sensor_context(instance=graph.instance, resources=resources)
    skipped = new_shards(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "8 shards, none of them new" in (skipped.skip_message or "")


def _catalogue() -> str:
    from prox_assets.config.loading import catalogue_path

    return str(catalogue_path())
