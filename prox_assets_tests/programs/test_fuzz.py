"""A million hostile programs and a hundred thousand hostile documents, guided by coverage."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed"),
]


@pytest.mark.parametrize(("target", "runs"), [("programs", 1_000_000), ("documents", 100_000)])
def test_nothing_breaks_a_law(target: str, runs: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "prox_assets_tests.programs.fuzz", target, f"-runs={runs}", "-seed=1"]
    command.append(f"-artifact_prefix={tmp_path}/")
    # By way of a shell: the highest memory of a process counts that of the one which started it, and tests
    # before this one may have taken more than the fuzzer is allowed.
    command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    found = [f"{path.name}: {path.read_bytes()!r}" for path in tmp_path.iterdir()]
    assert ended.returncode == 0, "\n".join([ended.stdout[-3000:], ended.stderr[-1000:], *found])
    assert f"Done {runs} runs" in ended.stderr
