import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from prox_assets.config import Catalogue, Inference
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import (
    VISIBLE,
    asks_on_device,
    device_pool,
    leased_device,
    match_pool,
    teacher_pool,
)

_HOLD = """
import sys
from pathlib import Path
from prox_assets.config import Inference
from prox_assets.defs.runs.decorators import leased_device
with leased_device(Inference(devices=2), Path(sys.argv[1])) as name:
    print(name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VISIBLE, "PROX_LEASED_DEVICE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def _holder(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={key: value for key, value in os.environ.items() if key != VISIBLE},
    )


def test_two_processes_have_two_devices_and_a_killed_one_gives_its_back(tmp_path: Path) -> None:
    first, second = _holder(tmp_path), _holder(tmp_path)
    assert first.stdout and second.stdout
    names = [first.stdout.readline().strip(), second.stdout.readline().strip()]
    assert sorted(names) == ["0", "1"]
    first.kill()
    first.wait()
    with leased_device(Inference(devices=2), tmp_path) as name:
        assert name == names[0]
        assert os.environ[VISIBLE] == name
    second.communicate("")
    with leased_device(Inference(devices=2), tmp_path) as again:
        assert again == name, "CUDA has started on it"


def test_devices_are_those_that_the_process_may_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "4,6")
    with leased_device(Inference(devices=2), tmp_path) as name:
        assert name == "4"


def test_one_device_needs_no_lease(tmp_path: Path) -> None:
    with leased_device(Inference(), tmp_path) as name:
        assert name is None
    assert VISIBLE not in os.environ


def test_the_pool_follows_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    text = "storage: s\nprofiles: {cpu: {devices: %d}}\n"
    text += "domains: {web: {inputs: [{path: a}], teacher: {kind: rules}}}"
    with dg.instance_for_test() as instance:
        for devices in (3, 2):
            path.write_text(text % devices)
            resources = {"catalogue": CatalogueResource(path=str(path))}
            skipped = device_pool(dg.build_sensor_context(instance=instance, resources=resources))
            assert isinstance(skipped, dg.SkipReason)
            assert "as of now" in (skipped.skip_message or "")
            assert instance.event_log_storage.get_concurrency_info("gpu").slot_count == devices
            assert not match_pool(instance, devices)


@pytest.mark.parametrize(
    ("teacher", "pool"),
    [
        ({"kind": "rules"}, None),
        ({"kind": "llm", "model": "m", "base_url": "http://127.0.0.1:1/v1"}, None),
        ({"kind": "llm", "model": "m", "checkpoint": "/models/m"}, "gpu"),
    ],
)
@pytest.mark.parametrize("compared", [False, True])
def test_steps_that_ask_a_model_in_process_stand_in_the_pool(
    teacher: dict[str, str], pool: str | None, compared: bool
) -> None:
    asked = {"teacher": {"kind": "rules"}, "agreement": {"compare": [teacher]}}
    domain = {"inputs": [{"path": "a"}], **(asked if compared else {"teacher": teacher})}
    catalogue = Catalogue.model_validate({"storage": "s", "domains": {"web": domain}})
    assert teacher_pool(catalogue) == pool
    assert asks_on_device(catalogue.domain("web")) is (pool is not None)
