"""Seeds a second of the LLM teacher's document stage by concurrency, against a server of fixed latency.

    python benchmarks/teacher_throughput.py [--seeds 200] [--latency 0.2] [--base-url URL --model NAME]

The server is the tests' own, in a process of its own, so this measures what the client adds: connections,
retries, the answers' way to disk. With --base-url it is a real endpoint. Every seed asks two questions.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from prox_assets.config import LlmTeacherSection
from prox_assets.teacher.factory import open_teacher

RESULT = Path(__file__).parent / "results" / "teacher_throughput.json"
SERVE = """
import sys, pathlib
from prox_assets_tests.teacher.llm.fault_server import FaultServer
server = FaultServer(latency=float(sys.argv[2]))
pathlib.Path(sys.argv[1]).write_text(server.url)
server.serve_forever()
"""


def measured(url: str, model: str, seeds: int, concurrency: int, folder: Path) -> dict[str, float]:
    section = LlmTeacherSection(kind="llm", model=model, base_url=url, concurrency=concurrency)
    texts = [f"A lesson, number {i}, at concurrency {concurrency}." for i in range(seeds)]
    table = pa.table({"doc_id": [str(i) for i in range(seeds)], "text": texts})
    teacher = open_teacher(section, folder / str(concurrency))
    began = time.perf_counter()
    rows = teacher.annotate_documents(table)
    seconds = time.perf_counter() - began
    failed = rows["status"].to_pylist().count("failed")
    return {
        "concurrency": concurrency,
        "seeds": seeds,
        "failed": failed,
        "seeds_per_second": round(seeds / seconds, 2),
        "answers_per_second": round(2 * seeds / seconds, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--base-url")
    parser.add_argument("--model", default="m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, server = Path(name), None
        url = options.base_url
        if url is None:
            command = [sys.executable, "-c", SERVE, str(folder / "url"), str(options.latency)]
            server = subprocess.Popen(command, cwd=Path(__file__).parents[1])
            while not ((folder / "url").exists() and (folder / "url").read_text()):
                time.sleep(0.05)
            url = (folder / "url").read_text()
        try:
            runs = []
            for concurrency in (1, 8, 64):
                seeds = max(8, min(options.seeds, options.seeds * concurrency // 8))
                runs.append(measured(url, options.model, seeds, concurrency, folder))
                print(runs[-1], flush=True)
        finally:
            if server is not None:
                server.kill()
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}",
        "load_average": round(os.getloadavg()[0], 1),
        "server": "an endpoint" if options.base_url else f"the tests' own, {options.latency} s an answer",
        "runs": runs,
    }
    stored = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    stored["endpoint" if options.base_url else "fixed_latency"] = result
    RESULT.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
