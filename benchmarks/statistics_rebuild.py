"""How long rebuilding the statistics database takes as shards become many.

    PYTHONPATH=. python benchmarks/statistics_rebuild.py [--shards 1000] [--documents 1000]

One shard's statistics are written by the pipeline's own code from made-up documents, copied under other
shard names, and built into a database.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import TABLES, write_shard_statistics
from prox_assets_tests.quality.shards import many_pages, write_shard

RESULT = Path(__file__).parent / "results" / "statistics_rebuild.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1_000)
    parser.add_argument("--documents", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prox-rebuild-") as folder:
        base = Path(folder)
        inputs = write_shard(base / "shard", many_pages(options.documents), ())
        write_shard_statistics(inputs, base / "first")
        folders = copies(base / "first", base / "all", options.shards)
        started = time.perf_counter()
        summary = build_database(folders, base / "statistics.duckdb")
        seconds = time.perf_counter() - started
        result = {
            "shards": summary.shards,
            "documents": summary.documents,
            "unreconciled": summary.unreconciled,
            "seconds": round(seconds, 2),
            "database_mib": round(summary.path.stat().st_size / 2**20, 1),
            "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 1),
        }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


def copies(first: Path, target: Path, count: int) -> list[Path]:
    """The statistics of `count` shards, all like the first."""
    folders = []
    with duckdb.connect() as connection:
        tables = {
            name: connection.read_parquet(str(first / f"{name}.parquet")).to_arrow_table() for name in TABLES
        }
    for number in range(count):
        shard = f"part-{number:05d}"
        (target / shard).mkdir(parents=True)
        for name, table in tables.items():
            column = pa.array([shard] * table.num_rows, pa.string())
            pq.write_table(table.set_column(1, "shard", column), target / shard / f"{name}.parquet")
        folders.append(target / shard)
    return folders


if __name__ == "__main__":
    main()
