"""What a report costs with many documents behind it.

    PYTHONPATH=. python benchmarks/report_scale.py [--documents 100000]

Documents are made up; the statistics, the database and the report are made by the pipeline's own code.
"""

import argparse
import json
import os
import re
import resource
import tempfile
import time
from pathlib import Path

from prox_assets.quality.report.inputs import ReportInputs, ShardTexts
from prox_assets.quality.report.page import build_report
from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import write_shard_statistics
from prox_assets_tests.quality.shards import many_pages, write_shard

RESULT = Path(__file__).parent / "results" / "report_scale.json"
PER_SHARD = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prox-report-") as folder:
        base, texts, folders = Path(folder), [], []
        for number in range(options.documents // PER_SHARD):
            name = f"part-{number:03d}"
            shard = write_shard(base / name, many_pages(PER_SHARD), (), shard=name)
            write_shard_statistics(shard, base / "statistics" / name)
            folders.append(base / "statistics" / name)
            texts.append(ShardTexts(name, shard.raw_documents, shard.chunk_refined_corpus))
        build_database(folders, base / "s.duckdb")
        started = time.perf_counter()
        report = build_report(ReportInputs("web", base / "s.duckdb", tuple(texts)), base / "report.html")
        seconds = time.perf_counter() - started
        page = report.read_text(encoding="utf-8")
        sampled = re.search(r"A sample of ([\d,]+) among ([\d,]+) documents", page)
        assert sampled is not None
        result = {
            "documents": int(sampled[2].replace(",", "")),
            "documents_shown": int(sampled[1]),
            "seconds": round(seconds, 2),
            "page_kib": round(report.stat().st_size / 1024),
            "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 1),
        }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
