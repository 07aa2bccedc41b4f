"""Ticks of the sensor, and the runs that it asks for."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from prox_assets.config import Input
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.automation import discovery as sensors
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import passes
from prox_assets.documents import filesystem as places
from prox_assets.documents.sources import list_shards
from prox_assets.errors import InputError
from prox_assets_tests.s3 import SECRET, client

LINES = b'{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n'


@dataclass(frozen=True)
class Deployment:
    """Two domains with a folder of inputs each."""

    home: Path
    instance: dg.DagsterInstance

    @property
    def resources(self) -> dict[str, CatalogueResource]:
        return {"catalogue": CatalogueResource(path=str(self.home / "catalogue.yaml"))}

    def put(self, name: str, content: bytes = LINES, age: float = 1_000_000) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
        return path

    def tick(self) -> tuple[list[str], str]:
        """The partitions that a tick asks for, and what it says."""
        context = dg.build_sensor_context(instance=self.instance, resources=self.resources)
        result = sensors.new_shards(context)
        if isinstance(result, dg.SkipReason):
            return [], result.skip_message or ""
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions("shard", list(request.partition_keys))
        return [str(request.partition_key) for request in result.run_requests or ()], ""

    def read(self, partition: str) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [raw_documents],
            partition_key=partition,
            resources=self.resources,
            instance=self.instance,
            raise_on_error=False,
        )


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    inputs = {"web": f"{tmp_path}/web", "math": f"{tmp_path}/math/*.jsonl*"}
    domains = "".join(
        f"  {name}:\n    inputs: [{{path: '{where}'}}]\n    teacher: {{kind: rules}}\n"
        for name, where in inputs.items()
    )
    (tmp_path / "catalogue.yaml").write_text(f"storage: {tmp_path}/storage\ndomains:\n{domains}")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Deployment(tmp_path, instance)


def test_a_tick_asks_for_some_new_shards_of_each_domain_and_the_next_for_the_rest(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "REQUESTS_A_TICK", 3)
    for number in range(3):
        deployment.put(f"web/w{number}.jsonl")
        deployment.put(f"math/m{number}.jsonl")
    asked: list[str] = []
    for expected in (["web|w0", "math|m0", "web|w1"], ["math|m1", "web|w2", "math|m2"]):
        partitions, _ = deployment.tick()
        assert sorted(partitions) == sorted(expected)
        asked += partitions
        assert all(deployment.read(partition).success for partition in partitions)
    assert deployment.tick() == ([], "6 shards, none of them new")
    assert deployment.tick() == ([], "6 shards, none of them new")
    deployment.put("web/w3.jsonl")
    assert deployment.tick()[0] == ["web|w3"]


def test_bad_files_are_named_and_hide_no_others(deployment: Deployment) -> None:
    deployment.put("web/good.jsonl")
    deployment.put("web/notes.csv")
    deployment.put("web/empty.jsonl", b"")
    deployment.put("web/broken.parquet", b"no footer")
    fresh = deployment.put("web/fresh.jsonl")
    os.utime(fresh)
    partitions, _ = deployment.tick()
    assert partitions == ["web|good"]
    assert deployment.read("web|good").success
    _, said = deployment.tick()
    assert said.startswith("2 shards, none of them new")
    for part in (
        "notes.csv: unknown_kind",
        "empty.jsonl: empty",
        "broken.parquet: unreadable",
        "fresh.jsonl: settling",
    ):
        assert part in said
    assert "math/*.jsonl*: unreadable" in said, "a domain without files hides none of the other"


def test_a_run_that_failed_is_named_and_not_asked_for_again(deployment: Deployment) -> None:
    deployment.put("math/m.jsonl")
    deployment.put("web/cut.jsonl.gz", gzip.compress(LINES)[:-5])
    assert sorted(deployment.tick()[0]) == ["math|m", "web|cut"]
    failed = deployment.read("web|cut")
    assert not failed.success
    assert deployment.read("math|m").success
    partitions, said = deployment.tick()
    assert partitions == []
    assert f"web: cut: failed: run {failed.run_id} did not read it" in said
    deployment.put("web/cut.jsonl.gz", gzip.compress(LINES))
    assert deployment.read("web|cut").success
    assert deployment.tick() == ([], "2 shards, none of them new")


def test_a_file_that_changed_after_it_was_read_is_reported_until_it_is_read_again(
    deployment: Deployment,
) -> None:
    deployment.put("math/m.jsonl")
    deployment.put("web/w.jsonl")
    for partition in deployment.tick()[0]:
        assert deployment.read(partition).success
    deployment.put("web/w.jsonl", LINES + b'{"id": "c", "text": "three"}\n')
    partitions, said = deployment.tick()
    assert partitions == []
    assert "w.jsonl: changed: not as it was when it was read into w (54 bytes then, 83 now)" in said
    assert deployment.read("web|w").success
    assert deployment.tick()[1] == "2 shards, none of them new"


def test_rows_that_are_read_already_are_not_read_into_another_shard(deployment: Deployment) -> None:
    deployment.put("math/m.jsonl")
    deployment.put("web/w.jsonl")
    for partition in deployment.tick()[0]:
        assert deployment.read(partition).success
    catalogue = deployment.home / "catalogue.yaml"
    catalogue.write_text(catalogue.read_text().replace("/web'", "/web', shard_bytes: 20"))
    partitions, said = deployment.tick()
    assert partitions == []
    assert "w.jsonl: read_already: its rows are in shard w already" in said
    catalogue.write_text(catalogue.read_text().replace("shard_bytes: 20", "shard_bytes: 200, group_wait: 0"))
    deployment.put("web/x.jsonl")
    partitions, _ = deployment.tick()
    assert [name.split(".")[:2] for name in partitions] == [["web|x", "1-files"]], (
        "w stays a shard of its own"
    )
    assert deployment.read(partitions[0]).success


def test_a_pair_that_is_no_shard_is_never_asked_for_and_says_which_one_is(deployment: Deployment) -> None:
    deployment.put("math/m.jsonl")
    deployment.put("web/w.jsonl")
    assert sorted(deployment.tick()[0]) == ["math|m", "web|w"]
    failed = deployment.read("web|m")
    (event,) = failed.get_step_failure_events()
    assert "domain web has no shard 'm'; that is a shard of math. Choose the partition math|m" in str(
        event.step_failure_data.error
    )


def test_s3_is_watched_like_a_folder_and_no_secret_is_written(deployment: Deployment, bucket: str) -> None:
    for name in ("raw/a.jsonl", "raw/b.jsonl", "raw/c.bin"):
        client().put_object(Bucket=bucket, Key=name, Body=LINES)
    catalogue = deployment.home / "catalogue.yaml"
    catalogue.write_text(
        f"storage: {deployment.home}/storage\ndomains:\n  web:\n    teacher: {{kind: rules}}\n"
        f"    inputs: [{{path: 's3://{bucket}/raw', settle_seconds: 0}}]\n"
    )
    partitions, _ = deployment.tick()
    assert partitions == ["web|a", "web|b"]
    assert all(deployment.read(partition).success for partition in partitions)
    client().put_object(Bucket=bucket, Key="raw/a.jsonl", Body=LINES * 2)
    _, said = deployment.tick()
    assert "c.bin: unknown_kind" in said
    assert f"s3://{bucket}/raw/a.jsonl: changed" in said
    events = deployment.instance.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION)
    )
    written = said + "".join(str(record) for record in events)
    written += "".join(
        path.read_text(errors="ignore") for path in deployment.home.rglob("*") if path.is_file()
    )
    assert SECRET not in written
    assert "a-key-id" not in written


def test_an_input_that_cannot_be_reached_is_tried_again_and_a_missing_one_is_not(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError) as missing:
        list_shards([Input(path=f"s3://{bucket}/nothing-here")])
    assert not passes(missing.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(places, "_ATTEMPTS", 1)
    with pytest.raises(InputError) as unreachable:
        list_shards([Input(path=f"s3://{bucket}/raw")])
    assert passes(unreachable.value)
