"""The daemon for real: ticks of the sensor, a backfill with a shard that fails, a restart in its middle."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from prox_assets.defs.partitions import SHARDS, partition_key
from prox_assets_tests.deployment.running import (
    REPOSITORY,
    Deployment,
    launch_backfill,
    running,
    wait_for,
    wait_for_backfill,
)

pytestmark = pytest.mark.slow

RAW = dg.AssetKey("raw_documents")
_CATALOGUE = """
storage: {home}/storage
domains:
  pages:
    inputs: [{{path: "{home}/incoming/*.jsonl.gz", settle_seconds: 0, columns: {{doc_id: id, text: text}}}}]
    seeds: {{size: 10}}
    teacher: {{kind: rules}}
    refiner: {{document: {{window: 256, base: none}}, chunk: {{window: 256, base: none}}}}
"""
_START_SENSOR = """
mutation Start($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) {__typename ... on PythonError {message}}
}
"""


def _write(home: Path, shard: str, pages: int = 20) -> Path:
    path = home / "incoming" / f"{shard}.jsonl.gz"
    path.parent.mkdir(exist_ok=True)
    rows = [{"id": f"{shard}-{n}", "text": f"Page {n} of {shard}.\nIt has two lines."} for n in range(pages)]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def _key(shard: str) -> str:
    return str(partition_key("pages", shard))


def _times_made(instance: dg.DagsterInstance) -> Counter[str]:
    """How often each partition was materialized."""
    events = instance.fetch_materializations(RAW, limit=1000).records
    return Counter(str(event.partition_key) for event in events)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("daemon")
    for shard in ("a", "b"):
        _write(home, shard)
    catalogue = home / "catalogue.yaml"
    catalogue.write_text(_CATALOGUE.format(home=home))
    with running(home, catalogue) as deployment:
        yield deployment


def test_the_sensor_ticks_and_new_files_become_partitions_that_are_read(deployment: Deployment) -> None:
    selector = REPOSITORY | {"sensorName": "new_shards"}
    assert deployment.ask(_START_SENSOR, selector=selector)["startSensor"]["__typename"] == "Sensor"
    with deployment.instance() as instance:
        wait_for(lambda: set(_times_made(instance)) == {_key("a"), _key("b")}, 240, "a and b are read")
        for shard in ("c", "d"):
            _write(deployment.home, shard)
        expected = {_key(shard) for shard in "abcd"}
        wait_for(lambda: set(_times_made(instance)) == expected, 300, "c and d are found and read")
        assert set(instance.get_dynamic_partitions(SHARDS)) == set("abcd")
        assert set(_times_made(instance).values()) == {1}


def test_one_shard_that_fails_leaves_the_others_of_a_backfill_alone(deployment: Deployment) -> None:
    with deployment.instance() as instance:
        before = _times_made(instance)
        bad = deployment.home / "incoming" / "b.jsonl.gz"
        good = bad.read_bytes()
        bad.write_bytes(good[: len(good) // 2])
        keys = [_key(shard) for shard in "abcd"]
        backfill = launch_backfill(deployment, ["raw_documents"], keys, "with a truncated file")
        assert wait_for_backfill(deployment, backfill, 300) in ("COMPLETED_FAILED", "FAILED")
        made = _times_made(instance) - before
        assert made == {_key(shard): 1 for shard in "acd"}
        bad.write_bytes(good)
        repaired = launch_backfill(deployment, ["raw_documents"], [_key("b")], "after the repair")
        assert wait_for_backfill(deployment, repaired, 240) == "COMPLETED_SUCCESS"
        assert (_times_made(instance) - before)[_key("b")] == 1


def test_a_backfill_goes_on_after_the_daemon_was_killed_in_its_middle(deployment: Deployment) -> None:
    with deployment.instance() as instance:
        before = _times_made(instance)
        keys = [_key(shard) for shard in "abcd"]
        backfill = launch_backfill(deployment, ["raw_documents"], keys, "over a restart")
        of_backfill = dg.RunsFilter(tags={"dagster/backfill": backfill})
        wait_for(lambda: instance.get_runs(of_backfill), 180, "the daemon makes the first run")
        deployment.kill("daemon")
        interrupted = _times_made(instance) - before
        assert len(interrupted) < len(keys), "the backfill was over before the daemon was killed"
        deployment.start("daemon")
        assert wait_for_backfill(deployment, backfill, 300) == "COMPLETED_SUCCESS"
        assert set(_times_made(instance) - before) == set(keys)
