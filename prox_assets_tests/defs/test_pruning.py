from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from prox_assets.defs.runs.instance import main, prunable_runs

PARTITIONS = dg.StaticPartitionsDefinition(["a", "b"])


@dg.asset(partitions_def=PARTITIONS)
def made() -> None:
    """Always works."""


@dg.asset(partitions_def=PARTITIONS)
def broken() -> None:
    raise RuntimeError("always")


def _run(asset: dg.AssetsDefinition, key: str, instance: dg.DagsterInstance) -> str:
    return dg.materialize([asset], partition_key=key, instance=instance, raise_on_error=False).run_id


def test_only_runs_that_nothing_rests_on_go(monkeypatch: pytest.MonkeyPatch, tmp_path: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        superseded, a, b = (_run(made, key, instance) for key in "aab")
        failed = _run(broken, "b", instance)
        later_failed = _run(broken, "a", instance)
        now = datetime.now(UTC) + timedelta(seconds=1)
        assert prunable_runs(instance, now - timedelta(days=1)) == []
        # The last run of an asset is what its page shows, be it a failure.
        assert set(prunable_runs(instance, now)) == {superseded, failed}
        main(["--days", "0", "--dry-run"])
        assert len(instance.get_runs()) == 5
        main(["--days", "0"])
        assert {run.run_id for run in instance.get_runs()} == {a, b, later_failed}
        assert instance.get_materialized_partitions(dg.AssetKey("made")) == {"a", "b"}
