"""Chunk programs parsed and executed with the edit record, a second on one core.

    python benchmarks/programs_execute.py [--labels linelabels.parquet]

Without labels: generated pages. With labels (columns `lines`, `is_noise`): the programs that remove the lines
people called noise, one chunk of 1,500 words each, plus a `normalize` for every tenth line that stays. The
released executor is measured on the same documents and programs when --reference is given. They take turns,
and every rate is the median of its rounds.
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from programs_reference import released_functions

from prox_assets.chunking import Chunk, chunk_lines
from prox_assets.programs import Program, Rails, Stage, execute_chunks, normalize, parse, removing, render
from prox_assets.programs.program import Call

RESULTS = Path(__file__).parent / "results" / "programs_execute.json"
TARGET = 20_000
Job = tuple[str, list[tuple[Chunk, str]]]


def word_starts(text: str) -> list[int]:
    return [i for i, c in enumerate(text) if not c.isspace() and (i == 0 or text[i - 1].isspace())]


def generated(documents: int) -> Iterator[tuple[list[str], list[bool]]]:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 10))) for _ in range(5000)]
    for _ in range(documents):
        size = rng.randint(20, 150)
        lines = [" ".join(rng.choices(words, k=rng.choice((3, 8, 25)))) for _ in range(size)]
        edge = rng.randint(0, 12)
        yield lines, [i < edge or i >= size - edge or rng.random() < 0.03 for i in range(size)]


def labelled(path: Path) -> Iterator[tuple[list[str], list[bool]]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(columns=["lines", "is_noise"], batch_size=200):
        for row in batch.to_pylist():
            yield row["lines"], row["is_noise"]


def jobs(pages: Iterator[tuple[list[str], list[bool]]]) -> Iterator[Job]:
    for lines, noise in pages:
        text = "\n".join(lines)
        programs = []
        for chunk in chunk_lines(text, word_starts(text), 1500):
            owned = range(chunk.line_start, chunk.line_stop)
            calls: list[Call] = list(removing(i for i in owned if noise[i]).calls)
            kept = [lines[i] for i in owned if not noise[i] and len(lines[i]) > 60]
            calls += [normalize(line[20:50].strip() or line) for line in kept[::10]]
            programs.append((chunk, render(Program(tuple(calls)))))
        yield text, programs


def measure(work: list[Job]) -> dict[str, Any]:
    rails = Rails()
    began = time.process_time()
    parsed = [[(c, parse(p, Stage.CHUNK), None) for c, p in programs] for _, programs in work]
    between = time.process_time()
    edits = 0
    for (text, _), programs in zip(work, parsed, strict=True):
        edits += len(execute_chunks(text, programs, rails).edits)
    ended = time.process_time()
    chunks = sum(len(programs) for _, programs in work)
    return {
        "documents": len(work),
        "chunk_programs": chunks,
        "calls_per_program": round(sum(p.count("\n") + 1 for _, ps in work for _, p in ps) / chunks, 2),
        "characters_per_chunk": sum(len(text) for text, _ in work) // chunks,
        "edits_recorded": edits,
        "parse_per_second": round(chunks / (between - began)),
        "execute_per_second": round(chunks / (ended - between)),
        "parse_and_execute_per_second": round(chunks / (ended - began)),
    }


def measure_memory(work: list[Job]) -> dict[str, float]:
    """The most that executing one document takes, in bytes for each byte of it and of its programs."""
    worst, rails = 0.0, Rails()
    for text, programs in work[:200]:
        size = len(text.encode()) + sum(len(p.encode()) for _, p in programs)
        tracemalloc.start()
        execute_chunks(text, [(c, parse(p, Stage.CHUNK), None) for c, p in programs], rails)
        worst = max(worst, tracemalloc.get_traced_memory()[1] / size)
        tracemalloc.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peak_bytes_per_input_byte": round(worst, 2), "process_peak_mib": round(peak, 1)}


def measure_released(work: list[Job], execute: Callable[..., Any]) -> dict[str, Any]:
    joined = [
        (text, "\n".join(program for _, program in programs)) for text, programs in work if text.strip()
    ]
    began = time.process_time()
    for text, program in joined:
        execute(text, program)
    chunks = sum(len(programs) for text, programs in work if text.strip())
    return {"released_per_second_without_record": round(chunks / (time.process_time() - began))}


def measure_in_turns(work: list[Job], repeats: int, reference: Path | None) -> dict[str, Any]:
    """Measure both executors `repeats` times, one after the other, and take the median of each figure."""
    execute = None if reference is None else released_functions(reference)["execute_meta_operations"]
    rounds = [measure(work) | (measure_released(work, execute) if execute else {}) for _ in range(repeats)]
    result: dict[str, Any] = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    if execute:
        result["times_the_released_rate"] = round(
            statistics.median(
                one["parse_and_execute_per_second"] / one["released_per_second_without_record"]
                for one in rounds
            ),
            2,
        )
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--reference", type=Path)
    options = parser.parse_args()
    pages = labelled(options.labels) if options.labels else generated(options.documents)
    work = list(jobs(islice(pages, options.documents)))
    result = measure_in_turns(work, options.repeats, options.reference)
    result |= measure_memory(work)
    result |= {"pages": "labelled" if options.labels else "generated", "target_execute_per_second": TARGET}
    result |= {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "rounds": options.repeats,
    }
    print(json.dumps(result, indent=2))
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    stored[result["pages"]] = result
    RESULTS.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    return 0 if result["execute_per_second"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
