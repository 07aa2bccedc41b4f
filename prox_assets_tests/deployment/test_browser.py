"""The Dagster UI as people use it: a real browser on a real webserver and daemon."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from playwright.sync_api import expect

from prox_assets.defs.assets.reporting import report_path
from prox_assets.defs.partitions import SHARDS, partition_key
from prox_assets.documents.store import ShardKey, Store
from prox_assets.sample import write_sample
from prox_assets_tests.conftest import PAGES_PER_SHARD
from prox_assets_tests.deployment.person import Person, person_at
from prox_assets_tests.deployment.running import REPOSITORY, Deployment, running, wait_for, wait_for_backfill
from prox_assets_tests.quality.browser import CHROMIUM, needs_chromium
from prox_assets_tests.spoiled import CHECK, spoiled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), needs_chromium]

SMALL = Path(__file__).parents[1] / "small.yaml"
RAW = "raw_documents"
NEW = str(partition_key("web", "part-003"))
_PATIENCE = 400
_START_SCHEDULE = """
mutation Start($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {__typename ... on PythonError {message}}
}
"""
_STOP_SCHEDULE = "mutation Stop($id: String!) {stopRunningSchedule(id: $id) {__typename}}"
_SCHEDULE = """
query Schedule($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) {
    ... on Schedule {id scheduleState {ticks(limit: 3) {status}}}
  }
}
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The whole small graph, made by the demo, and a shard that came after it."""
    home = tmp_path_factory.mktemp("ui")
    catalogue = home / "catalogue.yaml"
    catalogue.write_text(SMALL.read_text() + 'nightly: {cron: "* * * * *"}\n')
    made = Deployment(home, catalogue)
    made.prepare()
    write_sample(home / "sample", pages_per_shard=PAGES_PER_SHARD)
    demo = [sys.executable, "-m", "prox_assets.demo"]
    subprocess.run(demo, check=True, capture_output=True, cwd=home, env=made.environment)
    shutil.copy(home / "sample" / "web" / "part-000.parquet", home / "sample" / "web" / "part-003.parquet")
    with running(home, catalogue) as deployment:
        yield deployment


@pytest.fixture
def person(deployment: Deployment) -> Iterator[Person]:
    assert CHROMIUM is not None
    with person_at(deployment.url, CHROMIUM) as someone:
        yield someone


def _run_after(instance: dg.DagsterInstance, before: int) -> dg.DagsterRun:
    """The run that came after so many, once it has ended."""
    wait_for(lambda: instance.get_runs_count() > before, _PATIENCE, "a run is launched")
    (run,) = instance.get_runs(limit=1)
    return wait_for(lambda: _ended(instance, run.run_id), _PATIENCE, f"run {run.run_id} ends")


def _ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun | None:
    run = instance.get_run_by_id(run_id)
    return run if run is not None and run.is_finished else None


def test_a_person_materializes_one_partition(deployment: Deployment, person: Person) -> None:
    with deployment.instance() as instance:
        instance.add_dynamic_partitions(SHARDS, ["part-003"])
        before = instance.get_runs_count()
        person.open("/asset-groups")
        expect(person.page.get_by_text("refinement", exact=True).first).to_be_visible()
        person.look("lineage")
        person.materialize(RAW, NEW, seen="launch")
        assert _run_after(instance, before).status == dg.DagsterRunStatus.SUCCESS
        assert NEW in instance.get_materialized_partitions(dg.AssetKey(RAW))
    person.open_partition(RAW, NEW)
    expect(person.page.get_by_text("dagster/partition_row_count").first).to_be_visible()
    expect(person.page.get_by_text("Materialized", exact=True).first).to_be_visible()
    person.look("partition")


def test_a_check_fails_on_bad_data_and_passes_after_the_repair(
    deployment: Deployment, person: Person
) -> None:
    shard = Store(deployment.home / "storage").shard(ShardKey("web", RAW, "part-003"))
    with deployment.instance() as instance:
        with spoiled(shard):
            before = instance.get_runs_count()
            person.materialize(RAW, NEW)
            assert _run_after(instance, before).status == dg.DagsterRunStatus.FAILURE
            assert person.open_check(RAW, CHECK) == "Failed"
            person.look("check_failed")
        before = instance.get_runs_count()
        person.materialize(RAW, NEW)
        assert _run_after(instance, before).status == dg.DagsterRunStatus.SUCCESS
    assert person.open_check(RAW, CHECK) == "Passed"
    person.look("check_passed")


def test_the_schedule_refines_what_was_read_and_then_has_nothing_to_ask_for(deployment: Deployment) -> None:
    """Its ticks, here one each minute; the person's new shard is the only one that is not refined."""
    selector = REPOSITORY | {"scheduleName": "nightly_refining"}
    refined = dg.AssetKey("chunk_refined_corpus")
    with deployment.instance() as instance:
        assert NEW not in instance.get_materialized_partitions(refined)
        started = deployment.ask(_START_SCHEDULE, selector=selector)["startSchedule"]
        assert started["__typename"] == "ScheduleStateResult", started
        wait_for(
            lambda: NEW in instance.get_materialized_partitions(refined),
            _PATIENCE,
            "the night refines part-003",
        )
        wait_for(
            lambda: _ticks(deployment, selector)[0] == "SKIPPED", _PATIENCE, "a tick with nothing to ask for"
        )
        for followed in ("statistics_database", "quality_report"):
            wait_for(lambda asset=followed: _covers(instance, asset, NEW), _PATIENCE, f"{followed} follows")
        events = instance.fetch_materializations(refined, limit=100).records
        assert sum(event.partition_key == NEW for event in events) == 1
        deployment.ask(_STOP_SCHEDULE, id=_schedule(deployment, selector)["id"])


def _covers(instance: dg.DagsterInstance, asset: str, key: str) -> bool:
    """Tell whether an asset was last made of a partition too."""
    wanted = dg.AssetRecordsFilter(
        dg.AssetKey(asset), asset_partitions=None if asset == "statistics_database" else ["web"]
    )
    (last,) = instance.fetch_materializations(wanted, limit=1).records
    assert last.asset_materialization is not None
    return key in last.asset_materialization.metadata["shards_included"].value  # type: ignore[operator]


def _ticks(deployment: Deployment, selector: dict[str, str]) -> list[str]:
    """What the last ticks came to, the latest first."""
    return [tick["status"] for tick in _schedule(deployment, selector)["scheduleState"]["ticks"]]


def _schedule(deployment: Deployment, selector: dict[str, str]) -> Any:
    return deployment.ask(_SCHEDULE, selector=selector)["scheduleOrError"]


def test_a_person_launches_a_backfill_of_three(deployment: Deployment, person: Person) -> None:
    shards = ["part-000", "part-001", "part-002"]
    keys = {str(partition_key("web", shard)) for shard in shards}
    with deployment.instance() as instance:
        last = instance.event_log_storage.get_maximum_record_id() or 0
        person.materialize("doc_refined_corpus", sorted(keys)[0], shards[1:], seen="launch_backfill")
        person.open("/overview/backfills")
        expect(person.page.get_by_text("3 partitions").first).to_be_visible()
        (backfill,) = instance.get_backfills(limit=1)
        assert wait_for_backfill(deployment, backfill.backfill_id, _PATIENCE) == "COMPLETED_SUCCESS"
        person.open(f"/runs/b/{backfill.backfill_id}")
        expect(person.page.get_by_text("doc_refined_corpus").first).to_be_visible()
        expect(person.page.get_by_text("100% completed").first).to_be_visible()
        person.look("backfill")
        wanted = dg.AssetRecordsFilter(dg.AssetKey("doc_refined_corpus"), after_storage_id=last)
        made = instance.fetch_materializations(wanted, limit=100).records
        assert sorted(str(event.partition_key) for event in made) == sorted(keys)


@pytest.mark.parametrize("asset", [RAW, "doc_refined_corpus", "chunk_refined_corpus"])
def test_checks_show_all_partitions_of_single_runs_backfills_and_nights(
    deployment: Deployment, person: Person, asset: str
) -> None:
    with deployment.instance() as instance:
        made = len(instance.get_materialized_partitions(dg.AssetKey(asset)))
    assert person.open_check(asset, "schema") == "Passed"
    person.page.get_by_role("tab", name="Partitions").last.click()
    for shown in (f"Passed ({made})", "Failed (0)", "Skipped (0)", "Execution Failed (0)"):
        expect(person.page.get_by_text(shown, exact=True)).to_be_visible()
    person.look(f"check_partitions_{asset}")


def test_a_person_opens_the_report(deployment: Deployment, person: Person) -> None:
    report = report_path(Store(deployment.home / "storage"), "web")
    person.open("/assets/quality_report?view=partitions&partition=web")
    expect(person.page.get_by_text(str(report)).first).to_be_visible()
    person.look("report_path")
    person.page.goto(report.as_uri())
    expect(person.page.locator("h1").first).to_contain_text("web")
    assert person.page.locator("svg").count() > 3
    person.look("report")
