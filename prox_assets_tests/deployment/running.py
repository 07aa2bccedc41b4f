"""Dagster as it runs in production: a webserver and a daemon, each a process, on an instance of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets_tests.deployment.servers import free_port

ROOT = Path(__file__).parents[2]
REPOSITORY = {"repositoryLocationName": "prox_assets", "repositoryName": "__repository__"}


@dataclass
class Deployment:
    """The dagster.yaml and workspace.yaml of the project on a temporary home, and the processes on it."""

    home: Path
    catalogue: Path
    port: int = field(default_factory=free_port)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DAGSTER_HOME": str(self.home),
            "PROX_HOME": str(self.home),
            "PROX_CATALOGUE": str(self.catalogue),
            "PYTHONPATH": str(ROOT),
        }

    def prepare(self) -> None:
        """Put the project's own files where they are read, with the state below the home."""
        own = (ROOT / "dagster.yaml").read_text().replace("base_dir: .prox/", f"base_dir: {self.home}/.prox/")
        (self.home / "dagster.yaml").write_text(own)
        (self.home / "workspace.yaml").write_text((ROOT / "workspace.yaml").read_text())
        # Two processes that both find an empty instance both make its tables, and one of them dies of it.
        self.instance().dispose()

    def start(self, name: str) -> None:
        """Start the `webserver` or the `daemon`; its log is beside its home."""
        arguments = {
            "webserver": ("dagster_webserver", "-h", "127.0.0.1", "-p", str(self.port)),
            "daemon": ("dagster._daemon", "run"),
        }[name]
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments, "-w", "workspace.yaml"],
                cwd=self.home,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """As a machine would that loses power: the process and all that it started."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer, as the UI gets it."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def instance(self) -> dg.DagsterInstance:
        """The instance that the processes share."""
        return dg.DagsterInstance.from_config(str(self.home))

    def wait_until_up(self, patience: float = 300) -> None:
        """Until the webserver has loaded the code location."""
        wait_for(self._loaded, patience, "the webserver loads prox_assets")

    def _loaded(self) -> bool:
        with contextlib.suppress(OSError):
            found = self.ask("{repositoriesOrError {... on RepositoryConnection {nodes {name}}}}")
            return bool(found["repositoriesOrError"].get("nodes"))
        return False


@contextlib.contextmanager
def running(home: Path, catalogue: Path) -> Iterator[Deployment]:
    """A deployment with a webserver and a daemon; all of its processes end with the test, run workers too."""
    deployment = Deployment(home, catalogue)
    deployment.prepare()
    try:
        deployment.start("webserver")
        deployment.start("daemon")
        deployment.wait_until_up()
        yield deployment
    finally:
        for name in list(deployment.processes):
            deployment.kill(name)
        _kill_workers(home)


def _kill_workers(home: Path) -> None:
    """End what has this home in its environment: run workers and code servers have sessions of their own."""
    mark = f"DAGSTER_HOME={home}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0") and int(process.name) != os.getpid():
                os.kill(int(process.name), signal.SIGKILL)


def wait_for(found: Callable[[], Any], patience: float, what: str) -> Any:
    """The first true answer; a TimeoutError that says what was waited for."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.5)
    raise TimeoutError(f"{what}: not within {patience:.0f} s")


_LAUNCH_BACKFILL = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess {backfillId} ... on PythonError {message}
  }
}
"""
_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {... on PartitionBackfill {status} ... on PythonError {message}}
}
"""


def launch_backfill(deployment: Deployment, assets: list[str], partitions: list[str], title: str) -> str:
    """Ask for a backfill as the UI's dialogue does; its id."""
    params = {
        "assetSelection": [{"path": [asset]} for asset in assets],
        "partitionNames": partitions,
        "title": title,
        "tags": [],
    }
    launched = deployment.ask(_LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return str(launched["backfillId"])


def backfill_status(deployment: Deployment, backfill: str) -> str:
    """What the UI shows of a backfill."""
    return str(deployment.ask(_BACKFILL, id=backfill)["partitionBackfillOrError"]["status"])


def wait_for_backfill(deployment: Deployment, backfill: str, patience: float) -> str:
    """The status of a backfill at its end."""

    def ended() -> str:
        status = backfill_status(deployment, backfill)
        return status if status.startswith(("COMPLETED", "FAILED", "CANCELED")) else ""

    return str(wait_for(ended, patience, f"backfill {backfill} ends"))
