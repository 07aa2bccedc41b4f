"""Every test sees the small catalogue and a home of its own; the whole graph is materialized once."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before prox_assets.defs is imported anywhere: the partitions are those of this catalogue.
_HOME = tempfile.TemporaryDirectory(prefix="prox-tests-")
os.environ["PROX_CATALOGUE"] = str(Path(__file__).parent / "small.yaml")
os.environ["PROX_HOME"] = _HOME.name
os.environ.pop("PROX_PROFILE", None)
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"

import dagster as dg  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from rich.console import Console  # noqa: E402
from xdist.scheduler import LoadScopeScheduling  # noqa: E402

from prox_assets.config import Catalogue  # noqa: E402
from prox_assets.config.loading import load_catalogue  # noqa: E402
from prox_assets.demo import Tally, materialize_all  # noqa: E402
from prox_assets.documents.store import Store, open_store  # noqa: E402
from prox_assets.sample import write_sample  # noqa: E402

PAGES_PER_SHARD = 60

# Two processes share the cores, so that how long one example takes says nothing.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


@dataclass(frozen=True)
class Graph:
    """The whole graph, materialized on the small catalogue."""

    catalogue: Catalogue
    instance: dg.DagsterInstance
    store: Store
    tally: Tally
    sample: Path


class _BySharedFixtures(LoadScopeScheduling):
    """Keep in one process what shares a fixture that takes long: the graph, or what a folder trains."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(__file__).parent.parent / nodeid.split("::", 1)[0]
        return "graph" if "graph: Graph" in file.read_text("utf-8") else str(file.parent)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _BySharedFixtures:
    """Schedule tests by groups; where pytest runs in one process, this is never asked."""
    return _BySharedFixtures(config, log)


@pytest.fixture(autouse=True)
def same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a command did to the environment of its process: here many run in one."""
    monkeypatch.setenv("PROX_CATALOGUE", os.environ["PROX_CATALOGUE"])


@pytest.fixture(scope="session")
def graph() -> Iterator[Graph]:
    home = Path(_HOME.name)
    write_sample(home / "sample", pages_per_shard=PAGES_PER_SHARD)
    catalogue = load_catalogue()
    with dg.DagsterInstance.ephemeral() as instance:
        tally = materialize_all(catalogue, instance, Console(quiet=True))
        yield Graph(catalogue, instance, open_store(catalogue.storage), tally, home / "sample")
