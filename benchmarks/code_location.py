"""Time to load the code location, as each run worker and each step process pays it.

    python benchmarks/code_location.py [--repetitions N] [--output FILE]

Each repetition is a fresh interpreter. Wall seconds depend on what else the machine does;
CPU seconds less so.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

_MODULES = {
    "python alone": "pass",
    "dagster": "import dagster",
    "dagster, pyarrow": "import dagster, pyarrow, pyarrow.parquet, pyarrow.compute",
    "prox_assets.definitions": "import prox_assets.definitions",
    "prox_assets.definitions, all jobs resolved": (
        "from prox_assets.definitions import defs; defs.get_repository_def().get_all_jobs()"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/code_location.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"PROX_HOME": home, "DAGSTER_HOME": home}
        environment.pop("PROX_CATALOGUE", None)
        found = {name: _timed(code, arguments.repetitions, environment) for name, code in _MODULES.items()}
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, shared with other work",
        "python": platform.python_version(),
        "repetitions": arguments.repetitions,
        "loads": found,
    }
    arguments.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def _timed(code: str, repetitions: int, environment: dict[str, str]) -> dict[str, float]:
    walls, processors = [], []
    for _ in range(repetitions):
        before, started = _spent(), time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        walls.append(time.perf_counter() - started)
        processors.append(_spent() - before)
    return {
        "wall_seconds_median": round(statistics.median(walls), 2),
        "wall_seconds_least": round(min(walls), 2),
        "cpu_seconds_median": round(statistics.median(processors), 2),
    }


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
