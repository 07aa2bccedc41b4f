"""What Dagster adds to the work on a shard: run and step start, events, imports.

    PYTHONPATH=. python benchmarks/dagster_overhead.py [--shards 1 10 100] [--pages 200] [--output FILE]

The work is `raw_documents` without its checks: reading a shard of generated pages. It is done

    alone         by the function that the asset calls, in one process
    in_process    by one run per shard in this process, on an instance with SQLite
    ranged        by one run for all shards, as a backfill asks for them (one partition range)
    multiprocess  by one run per shard, each step in a process of its own
    run_worker    by one process per shard that loads the code location and runs: what the daemon starts

Overhead is what a way takes beyond `alone`, divided by the shards. CPU seconds include child processes.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "dagster_overhead.json"
DOMAIN = "web"
_CATALOGUE = """
storage: {home}/storage
domains:
  web:
    inputs: [{{path: "{home}/incoming/*.jsonl", columns: {{doc_id: id, text: text}}}}]
    seeds: {{size: 10}}
    teacher: {{kind: rules}}
    refiner: {{document: {{window: 256, base: none}}, chunk: {{window: 256, base: none}}}}
"""
_WORKER = """
import sys
import dagster as dg
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.definitions import defs
with dg.DagsterInstance.get() as instance:
    resources = {"catalogue": defs.resources["catalogue"]}
    made = dg.materialize([raw_documents], partition_key=sys.argv[1], instance=instance, resources=resources)
    assert made.success
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of a way over all shards."""

    shards: int
    way: str
    wall_seconds: float
    cpu_seconds: float
    wall_overhead_per_shard: float = 0.0
    cpu_overhead_per_shard: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--ways", nargs="+", default=list(_WAYS))
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    found: list[Spent] = []
    for shards in options.shards:
        alone = _measured("alone", shards, options.pages)
        found.append(alone)
        for way in options.ways:
            found.append(_beyond(alone, _measured(way, shards, options.pages)))
            print(found[-1], flush=True)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, shared with other work",
        "load_average": round(os.getloadavg()[0], 1),
        "pages_per_shard": options.pages,
        "ways": [asdict(one) for one in found],
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")


def _beyond(alone: Spent, other: Spent) -> Spent:
    return Spent(
        other.shards,
        other.way,
        other.wall_seconds,
        other.cpu_seconds,
        round((other.wall_seconds - alone.wall_seconds) / other.shards, 3),
        round((other.cpu_seconds - alone.cpu_seconds) / other.shards, 3),
    )


def _measured(way: str, shards: int, pages: int) -> Spent:
    """Run a way in a process of its own, on shards of its own; the imports of that process do not count."""
    with tempfile.TemporaryDirectory(prefix="prox-overhead-") as folder:
        home = Path(folder)
        _prepare(home, shards, pages)
        environment = os.environ | {
            "DAGSTER_HOME": folder,
            "PROX_HOME": folder,
            "PROX_CATALOGUE": str(home / "catalogue.yaml"),
        }
        command = [sys.executable, __file__, "--child", way]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        wall, processor = json.loads(done.stdout.splitlines()[-1])
    return Spent(shards, way, round(wall, 2), round(processor, 2))


def _prepare(home: Path, shards: int, pages: int) -> None:
    (home / "incoming").mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (home / "catalogue.yaml").write_text(_CATALOGUE.format(home=home))
    line = "A sentence of a page that is as long as sentences are.\n"
    for shard in range(shards):
        rows = (json.dumps({"id": f"{shard}-{page}", "text": line * 30}) + "\n" for page in range(pages))
        (home / "incoming" / f"s{shard:04d}.jsonl").write_text("".join(rows))


def child(way: str) -> None:
    """Do the work of one way and print what it took."""
    import dagster as dg

    from prox_assets.config.loading import load_catalogue
    from prox_assets.defs.partitions import found_shards, partition_key, register_shards

    with dg.DagsterInstance.get() as instance:
        catalogue = load_catalogue()
        register_shards(instance, catalogue)
        keys = [str(partition_key(DOMAIN, source.name)) for source in found_shards(catalogue)[DOMAIN]]
        work = _WAYS.get(way, _alone)
        before, started = _spent(), time.perf_counter()
        work(keys, instance)
        print(json.dumps([time.perf_counter() - started, _spent() - before]))


def _alone(_keys: Sequence[str], _instance: Any) -> None:
    from prox_assets.config.loading import load_catalogue
    from prox_assets.defs.partitions import found_shards
    from prox_assets.documents.ingest import ingest
    from prox_assets.documents.store import open_store

    catalogue = load_catalogue()
    rows_per_commit = catalogue.inference.rows_per_commit
    for source in found_shards(catalogue)[DOMAIN]:
        ingest(source, open_store(catalogue.storage), DOMAIN, rows_per_commit, lambda _rows: None)


def _in_process(keys: Sequence[str], instance: Any) -> None:
    import dagster as dg

    for key in keys:
        assert dg.materialize(_assets(), partition_key=key, instance=instance, resources=_resources()).success


def _ranged(keys: Sequence[str], instance: Any) -> None:
    import dagster as dg

    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    assert dg.materialize(_assets(), tags=tags, instance=instance, resources=_resources()).success


def _multiprocess(keys: Sequence[str], instance: Any) -> None:
    import dagster as dg

    for key in keys:
        shard = key.partition("|")[2]
        tags = {f"dagster/partition/{name}": part for name, part in (("domain", DOMAIN), ("shard", shard))}
        tags["dagster/partition"] = key
        with dg.execute_job(dg.reconstructable(steps_in_processes), instance=instance, tags=tags) as result:
            assert result.success


def _run_worker(keys: Sequence[str], _instance: Any) -> None:
    for key in keys:
        subprocess.run([sys.executable, "-c", _WORKER, key], check=True, capture_output=True)


def steps_in_processes() -> Any:
    """A job that runs each step in a process of its own."""
    import dagster as dg

    job = dg.define_asset_job("read_shard", executor_def=dg.multiprocess_executor)
    return dg.Definitions(assets=_assets(), jobs=[job], resources=_resources()).resolve_job_def("read_shard")


def _assets() -> list[Any]:
    from prox_assets.defs.assets.corpus import raw_documents

    return [raw_documents]


def _resources() -> dict[str, Any]:
    from prox_assets.definitions import defs

    return {"catalogue": (defs.resources or {})["catalogue"]}


def _spent() -> float:
    of = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, of))


_WAYS: dict[str, Callable[[Sequence[str], Any], None]] = {
    "in_process": _in_process,
    "ranged": _ranged,
    "multiprocess": _multiprocess,
    "run_worker": _run_worker,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        main()
