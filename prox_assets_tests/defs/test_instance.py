"""Which Dagster instance the commands mean, and where it keeps its state, from any folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from prox_assets.cli import main
from prox_assets.config import prox_home
from prox_assets.defs.partitions import SHARDS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that is no deployment."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment with the project's own dagster.yaml; two shards of web were read."""
    folder = tmp_path / "deployment"
    folder.mkdir()
    shutil.copy(ROOT / "dagster.yaml", folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(SHARDS, ["a", "b"])
        for shard in ("a", "b"):
            event = dg.AssetMaterialization("raw_documents", partition=f"web|{shard}")
            instance.report_runless_asset_event(event)
    return folder


def prox(command: str, home: Path) -> str:
    """What a command prints in a process of its own, in the current folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DAGSTER_HOME": str(home)}
    environment.pop("PROX_HOME")
    line = [sys.executable, "-m", "prox_assets.cli", command]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout


def test_another_folder_sees_the_same_instance_and_gets_none_of_its_own(home: Path, elsewhere: Path) -> None:
    told = prox("status", home)
    assert "materialize doc_refiner for web first" in told
    assert str(home / ".prox" / "storage") in told, "what is refined is looked for there too"
    assert re.search(r"web\W+0\W+2\W", told), "two shards of web are missing"
    with dg.DagsterInstance.get() as instance:
        assert set(instance.get_dynamic_partitions(SHARDS)) == {"a", "b"}
    assert list(elsewhere.iterdir()) == []
    assert (home / ".prox" / "dagster" / "storage").is_dir()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (None, "prox: DAGSTER_HOME is not set: run `export DAGSTER_HOME=FOLDER`"),
        ("", "prox: DAGSTER_HOME is not set"),
        ("some/folder", "prox: DAGSTER_HOME is some/folder, a relative path"),
        ("/nowhere/at/all", "prox: DAGSTER_HOME is /nowhere/at/all, where no dagster.yaml is"),
    ],
)
def test_no_instance_is_made_where_none_is(
    elsewhere: Path,
    named: str | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    if named is not None:
        monkeypatch.setenv("DAGSTER_HOME", named)
    for arguments in (["status"], ["backfill", "web", "--dry-run"]):
        assert main(arguments) == 1
        told = capsys.readouterr().err
        assert told.startswith(said)
        assert told.count("\n") == 1
    assert list(elsewhere.iterdir()) == []


def test_what_is_made_lies_below_the_home_of_the_instance(
    home: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROX_HOME")
    assert prox_home() == home / ".prox"
    monkeypatch.delenv("DAGSTER_HOME")
    assert prox_home() == elsewhere / ".prox"
    monkeypatch.setenv("PROX_HOME", "/data/prox")
    assert prox_home() == Path("/data/prox")


def test_make_keeps_to_the_homes_that_a_person_set() -> None:
    environment = os.environ | {"DAGSTER_HOME": "/data/dagster"}
    environment.pop("PROX_HOME", None)
    command = ["make", "-s", "-f", str(ROOT / "Makefile"), "-f", "-", "print"]
    show = "print:\n\t@echo $$DAGSTER_HOME $$PROX_HOME\n"
    shown = subprocess.run(command, input=show, env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["/data/dagster", "/data/dagster/.prox"]


def test_make_ui_says_nothing_of_superseded_commands(elsewhere: Path) -> None:
    """The command of `make ui` on a workspace that cannot be loaded, so that it ends."""
    command = ["make", "-n", "-f", str(ROOT / "Makefile"), "ui"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in printed.splitlines() if "dagster dev" in line]
    (elsewhere / "workspace.yaml").write_text("load_from: nothing")
    line = line.replace(line.split()[0], sys.executable, 1)
    told = subprocess.run(["bash", "-c", line], cwd=elsewhere, capture_output=True, text=True)
    assert "Errors while loading workspace config" in told.stderr
    assert "SupersessionWarning" not in told.stderr
