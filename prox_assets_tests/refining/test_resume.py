"""Killed with SIGKILL in the middle of a shard and started again, `prox refine` writes the same bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prox_assets_tests.conftest import Graph

STAGES = ("raw_documents", "doc_programs", "doc_refined_corpus", "chunk_programs", "chunk_refined_corpus")


def _command(graph: Graph, output: Path) -> list[str]:
    shard = graph.sample / "web" / "part-001.parquet"
    return [
        sys.executable,
        "-m",
        "prox_assets.cli",
        "refine",
        str(shard),
        "--output",
        str(output),
        "--domain",
        "web",
    ]


def _bytes(output: Path) -> dict[str, str]:
    files = [path for stage in STAGES for path in (output / "web" / stage).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(".cost.json")  # seconds differ from run to run
    }


def _kill_when(command: list[str], folder: Path) -> None:
    """Start the command and kill it as soon as a range is committed below `folder`."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 240
    while not any(folder.rglob("rows-*.parquet")):
        assert process.poll() is None, "the command ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("stage", ["doc_programs", "chunk_programs"])
def test_a_killed_run_ends_with_the_same_bytes(graph: Graph, tmp_path: Path, stage: str) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    environment = {**os.environ, "PROX_CATALOGUE": os.environ["PROX_CATALOGUE"]}
    subprocess.run(_command(graph, whole), check=True, env=environment, stdout=subprocess.DEVNULL)
    _kill_when(_command(graph, killed), killed / "web" / stage)
    assert not list((killed / "web" / "chunk_refined_corpus").glob("*/current.json")), (
        "it was killed in the middle"
    )
    subprocess.run(_command(graph, killed), check=True, env=environment, stdout=subprocess.DEVNULL)
    expected = _bytes(whole)
    assert len(expected) > 10
    assert _bytes(killed) == expected
