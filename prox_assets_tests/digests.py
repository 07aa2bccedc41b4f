"""Digests of the Parquet files that a fixed small catalogue makes, so that a change of any byte is seen.

`python -m prox_assets_tests.digests FOLDER` materializes the whole graph of `digests.yaml` in an empty
folder, in a process whose kernels give the same floats on every x86-64 processor, and prints a JSON object:
path → SHA-256. After a change that is meant to alter what is made, write that to `digests.json`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
RECORDED = _HERE / "digests.json"
_PAGES_PER_SHARD = 40
_SAME_FLOATS = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_WITH_TIMES = {"costs.parquet", "runs.parquet"}
_FINGERPRINT = re.compile(r"/[0-9a-f]{16}(?=/)")
_IN_CHILD = "PROX_DIGESTS"


def digests(folder: Path) -> dict[str, str]:
    """Materialize the catalogue in a folder, and digest every file; paths are without fingerprints."""
    environment = os.environ | _SAME_FLOATS | {_IN_CHILD: "1", "PROX_HOME": str(folder)}
    environment["PROX_CATALOGUE"] = str(_HERE / "digests.yaml")
    command = [sys.executable, "-m", "prox_assets_tests.digests", str(folder)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _materialize(folder: Path) -> dict[str, str]:
    import dagster as dg
    from rich.console import Console

    from prox_assets.config.loading import load_catalogue
    from prox_assets.demo import materialize_all
    from prox_assets.sample import write_sample

    write_sample(folder / "sample", pages_per_shard=_PAGES_PER_SHARD)
    with dg.DagsterInstance.ephemeral() as instance:
        materialize_all(load_catalogue(), instance, Console(file=sys.stderr))
    storage = folder / "storage"
    files = [file for file in sorted(storage.rglob("*.parquet")) if file.name not in _WITH_TIMES]
    return {
        _FINGERPRINT.sub("", file.relative_to(storage).as_posix()): hashlib.sha256(
            file.read_bytes()
        ).hexdigest()
        for file in files
    }


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(json.dumps((_materialize if _IN_CHILD in os.environ else digests)(place), indent=1))
