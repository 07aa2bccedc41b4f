"""Planted secrets are in no message, log, event, tick, run or file of a deployment."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

import dagster as dg
import pytest
import yaml

from prox_assets.cli import main
from prox_assets.defs.assets.annotation import chunk_annotations, doc_annotations
from prox_assets.defs.assets.corpus import raw_documents, seed_documents
from prox_assets.defs.automation import discovery as sensors
from prox_assets.defs.automation.schedule import nightly_refining
from prox_assets.defs.partitions import SHARDS, CatalogueResource
from prox_assets.defs.runs.decorators import device_pool
from prox_assets_tests.teacher.llm.fault_server import FaultServer

WRONG = ("number", "list", "mapping", "key", "remote", "manifest", "base", "address", "variable", "cloud")
SECRETS = {name: f"pl4nted+{number}/{name}=Zq" for number, name in enumerate((*WRONG, "model"))}
MATERIALIZED = ("number", "key", "address")  # a run for each of the ten would take long
API_KEY = "TEACHER_ACCESS"  # no name of a secret: it is one because the catalogue says so


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    rows = ({"id": str(n), "text": f"A lesson on the number {n}.\nmenu | home"} for n in range(6))
    (home / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["cloud"])
    monkeypatch.setenv(API_KEY, SECRETS["model"])
    return home


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(SHARDS, ["pages"])
        yield instance


def _catalogue(home: Path, url: str = "http://127.0.0.1:9/v1") -> dict[str, object]:
    teacher = {
        "kind": "llm",
        "model": "m",
        "base_url": url,
        "api_key_env": API_KEY,
        "retries": 0,
        "concurrency": 1,
    }
    domain = {
        "inputs": [{"path": str(home / "pages.jsonl"), "settle_seconds": 0}],
        "seeds": {"size": 4},
        "teacher": teacher,
    }
    return {"storage": str(home / "storage"), "domains": {"web": domain}}


def _refused(home: Path) -> dict[str, str]:
    """A catalogue for each secret that a person may put into one by mistake."""

    def changed(**changes: object) -> str:
        catalogue = _catalogue(home)
        catalogue["domains"]["web"] |= changes  # type: ignore[index]
        return yaml.safe_dump(catalogue)

    teacher = _catalogue(home)["domains"]["web"]["teacher"]  # type: ignore[index]
    remote = {"local": str(home / "storage"), "remote": f"s3://id:{SECRETS['remote']}@bucket/x"}
    return {
        "number": changed(seeds={"size": SECRETS["number"]}),
        "list": changed(inputs=SECRETS["list"]),
        "mapping": changed(teacher=SECRETS["mapping"]),
        "key": changed(**{SECRETS["key"]: 1}),
        "remote": yaml.safe_dump(_catalogue(home) | {"storage": remote}),
        "manifest": changed(inputs=[{"manifest": f"s3://id:{SECRETS['manifest']}@bucket/files.txt"}]),
        "base": changed(refiner={"document": {"base": f"https://me:{SECRETS['base']}@hub.example/model"}}),
        "address": changed(teacher=teacher | {"base_url": f"http://me:{SECRETS['address']}@host/v1"}),
        "variable": changed(teacher=teacher | {"api_key_env": SECRETS["variable"]}),
        "cloud": changed(publishing={"notes": f"made with {SECRETS['cloud']}"}),
    }


def _materialize(
    instance: dg.DagsterInstance, catalogue: Path, asset: dg.AssetsDefinition, partition: object
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [asset],
        partition_key=partition,  # type: ignore[arg-type]
        instance=instance,
        resources={"catalogue": CatalogueResource(path=str(catalogue))},
        raise_on_error=False,
    )


def _ticks(instance: dg.DagsterInstance, catalogue: Path) -> str:
    """What the sensors and the schedule say."""
    resources = {"catalogue": CatalogueResource(path=str(catalogue))}
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        said = [repr(sensors.new_shards(context)), repr(device_pool(context))]
    now = datetime(2024, 5, 1, 2, tzinfo=UTC)
    with dg.build_schedule_context(
        instance=instance, resources=resources, scheduled_execution_time=now
    ) as context:
        return "\n".join([*said, repr(nightly_refining(context))])


def _leaks(text: bytes) -> list[str]:
    return [name for name, secret in SECRETS.items() if any(form in text for form in _forms(secret))]


def _forms(secret: str) -> Iterator[bytes]:
    yield from (secret.encode(), json.dumps(secret)[1:-1].encode())
    yield from (quote(secret).encode(), quote(secret, safe="").encode(), quote_plus(secret).encode())
    for before in range(3):  # base64 of anything that the secret stands in
        encoded = base64.b64encode(b"x" * before + secret.encode())
        yield encoded[4 if before else 0 : -4]
        yield encoded[4 if before else 0 : -4].replace(b"+", b"-").replace(b"/", b"_")


def _stored(instance: dg.DagsterInstance, home: Path) -> bytes:
    """All that a deployment keeps: events, runs, and every file."""
    entries = [str(run) for run in instance.get_runs()]
    entries += [str(event) for run in instance.get_runs() for event in instance.all_logs(run.run_id)]
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    return "\n".join(entries).encode() + b"\n".join(files)


def test_secrets_in_catalogues_are_in_no_message_and_in_no_file(
    instance: dg.DagsterInstance, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = ""
    for name, text in _refused(home).items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        for arguments in (
            ["refine", str(home / "pages.jsonl"), "--output", str(home / "out"), "--domain", "web"],
            ["teach", "web", "--dry-run"],
            ["publish", "web", "--output", str(home / "published")],
            ["status"],
        ):
            assert main([*arguments, "--catalogue", str(file)]) == 1
        said += _ticks(instance, file)
        if name in MATERIALIZED:
            assert not _materialize(instance, file, seed_documents, "web").success
    out, err = capfd.readouterr()
    assert err.count("prox: ") == 4 * len(_refused(home)) and "line " in said
    assert _leaks((out + err + said).encode()) == []
    assert _leaks(_stored(instance, home)) == []


@pytest.mark.parametrize("status", [401, 500, 200])
def test_keys_that_an_endpoint_repeats_are_kept_nowhere(
    status: int, instance: dg.DagsterInstance, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server = FaultServer(echo=status).start()
    file = home / "catalogue.yaml"
    file.write_text(yaml.safe_dump(_catalogue(home, server.url)))
    shard = dg.MultiPartitionKey({"domain": "web", "shard": "pages"})
    assert _materialize(instance, file, raw_documents, shard).success
    assert _materialize(instance, file, seed_documents, "web").success
    for asset in (doc_annotations, chunk_annotations):
        _materialize(instance, file, asset, "web")
    main(["teach", "web", "--catalogue", str(file), "--output", str(home / "annotations")])
    server.shutdown()
    assert server.keys == {f"Bearer {SECRETS['model']}"}
    out, err = capfd.readouterr()
    stored = _stored(instance, home)
    assert _leaks((out + err + _ticks(instance, file)).encode()) == []
    assert _leaks(stored) == []
    assert (b"you sent" in stored) == (status == 200)


def test_an_error_of_a_library_is_stored_without_what_it_repeats(
    instance: dg.DagsterInstance,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A key that no header can hold makes the HTTP library repeat it."""
    monkeypatch.setenv(API_KEY, SECRETS["model"] + "\n")
    file = home / "catalogue.yaml"
    file.write_text(yaml.safe_dump(_catalogue(home)))
    shard = dg.MultiPartitionKey({"domain": "web", "shard": "pages"})
    assert _materialize(instance, file, raw_documents, shard).success
    assert _materialize(instance, file, seed_documents, "web").success
    failed = _materialize(instance, file, doc_annotations, "web")
    (event,) = [event for event in failed.all_events if event.is_step_failure]
    assert f"the teacher's key in {API_KEY} has spaces" in str(event.step_failure_data.user_failure_data)
    assert main(["teach", "web", "--catalogue", str(file)]) == 1
    assert _leaks("".join(capfd.readouterr()).encode() + _stored(instance, home)) == []
