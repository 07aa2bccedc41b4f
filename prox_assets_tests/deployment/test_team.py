"""The team's instance as it is deployed: its own dagster.yaml, a real Postgres, an S3 server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.tags import BACKFILL_ID_TAG, SENSOR_NAME_TAG

from prox_assets.defs.automation.backfills import NIGHTLY_TAG
from prox_assets.defs.partitions import SHARDS, partition_key
from prox_assets.sample import write_sample
from prox_assets_tests.deployment.servers import INITDB, POSTGRES, client, postgres, s3

ROOT = Path(__file__).parents[2]
TEAM = ROOT / "deploy" / "team" / "dagster.yaml"
KEY = str(partition_key("web", "part-000"))

needs_postgres = pytest.mark.skipif(
    POSTGRES is None or INITDB is None, reason="no Postgres server on this machine"
)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process of the team's deployment."""
    home = tmp_path_factory.mktemp("team")
    shutil.copy(TEAM, home / "dagster.yaml")
    write_sample(home / "prox" / "sample", pages_per_shard=5)
    with postgres("a secret: with /@ signs") as database, s3("team-logs") as store:
        yield (
            os.environ
            | database
            | store
            | {
                "PROX_LOGS_BUCKET": "team-logs",
                "DAGSTER_HOME": str(home),
                "PROX_HOME": str(home / "prox"),
            }
        )


@pytest.mark.parametrize("file", [TEAM, ROOT / "dagster.yaml"])
def test_what_is_asked_for_by_itself_leaves_a_place_for_a_person(file: Path) -> None:
    runs = yaml.safe_load(file.read_text())["concurrency"]["runs"]
    limits = {limit["key"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    assert set(limits) == {BACKFILL_ID_TAG, NIGHTLY_TAG, SENSOR_NAME_TAG}
    assert sum(limits.values()) < runs["max_concurrent_runs"]


@needs_postgres
def test_a_materialization_is_kept_in_postgres_and_its_log_in_s3(
    team: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in team.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(team["DAGSTER_HOME"]) as instance:
        instance.add_dynamic_partitions(SHARDS, ["part-000"])
    select = ("--select", "raw_documents", "--partition", KEY)
    command = [
        sys.executable,
        "-m",
        "dagster",
        "asset",
        "materialize",
        "-m",
        "prox_assets.definitions",
        *select,
    ]
    subprocess.run(command, check=True, env=team, cwd=team["DAGSTER_HOME"], capture_output=True)
    with dg.DagsterInstance.from_config(team["DAGSTER_HOME"]) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_materialized_partitions(dg.AssetKey("raw_documents")) == {KEY}
        (event,) = instance.fetch_materializations(dg.AssetKey("raw_documents"), limit=1).records
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["dagster/partition_row_count"].value == 5
    keys = [entry["Key"] for entry in client(team).list_objects_v2(Bucket="team-logs")["Contents"]]
    assert any(run.run_id in key and key.endswith(".err") for key in keys)
    # Nothing of it stays on the machine that ran the step.
    assert not list(Path(team["DAGSTER_HOME"]).rglob("*.db"))


@needs_postgres
def test_an_unset_secret_is_named(team: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in team.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PROX_PG_PASSWORD")
    with pytest.raises(Exception, match="PROX_PG_PASSWORD"):
        dg.DagsterInstance.from_config(team["DAGSTER_HOME"])
