"""Kill a training that runs in a process of its own: `python -m prox_assets_tests.refiner.survival …`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from prox_assets.sample import SamplePage, generate_pages

Train = Callable[[Path, Path | None], object]


def some_pages() -> Sequence[SamplePage]:
    return list(islice(generate_pages("web", 100, 0, "train"), 100))


def killed(module: str, destination: Path, work: Path, step: int, *arguments: str) -> None:
    """Run `module` with both folders and `arguments`, and SIGKILL it when the state of `step` is written."""
    command = [sys.executable, "-m", module, destination, work, *arguments]
    process = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 240
    while not (work / f"checkpoint-{step}").exists():
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not destination.exists()


def require_same_bytes(one: Path, two: Path) -> None:
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
