"""Memory of reading and refining one shard, as the shard grows.

    python benchmarks/shard_memory.py [--megabytes 4 40] [--ranges-of 5000] [--stages 5] [--output FILE]

A JSONL file of generated pages, joined to documents of some 30,000 characters, is read (`raw_documents`),
judged (`doc_programs`) and edited (`chunk_programs`, `chunk_refined_corpus`) by refiners so small that the
driver is what is measured. Each size runs in a process of its own; its highest resident size includes Python,
PyTorch and the models. Memory is bounded by the ranges in flight, and a large shard has larger ones: with
`--ranges-of` the shard is cut into ranges as one of so many megabytes would be, as many at once. `--stages 2`
ends with `doc_programs`: the rest takes ten times as long.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from prox_assets.sample import generate_pages

RESULT = Path(__file__).parent / "results" / "shard_memory.json"
PAGES_PER_DOCUMENT = 10
DOCUMENT_STAGES = 2


def write_shard(path: Path, megabytes: int) -> int:
    """Write documents until the file has that size; returns how many."""
    pages = [page.text for page in generate_pages("web", 400, 0, "train")]
    count = written = 0
    with path.open("w", encoding="utf-8") as file:
        endless = cycle(pages)
        while group := list(islice(endless, PAGES_PER_DOCUMENT)):
            written += file.write(json.dumps({"id": str(count), "text": "\n\n".join(group)}) + "\n")
            count += 1
            if written >= megabytes * 1_000_000:
                return count
    return count


def refine(shard: Path, folder: Path, ranges_of: int | None, stages: int) -> dict[str, Any]:
    """The first stages of one shard in this process."""
    from prox_assets.config import Input
    from prox_assets.documents import ingest as ingesting
    from prox_assets.documents.sources import list_shards
    from prox_assets.documents.store import Store
    from prox_assets.documents.writer import characters_per_range
    from prox_assets.inference import EngineSettings, Task
    from prox_assets.programs import Rails
    from prox_assets.refining import stages as shards
    from prox_assets.refining.models import load_chunk_refiner, load_document_refiner

    seconds: dict[str, float] = {}

    def timed(name: str, run: Any) -> Any:
        began = time.perf_counter()
        result = run()
        seconds[name] = round(time.perf_counter() - began, 1)
        return result

    store, settings = Store(folder / "store"), EngineSettings(threads=2)
    (source,) = list_shards([Input(path=shard)])
    if ranges_of:
        ingesting.characters_per_range = lambda _: characters_per_range(ranges_of * 1_000_000)
    rows = 1_000_000 if ranges_of else 256
    raw = timed("raw_documents", lambda: ingesting.ingest(source, store, "web", rows, lambda _: None))
    judge = load_document_refiner(checkpoint(folder, Task.DOCUMENT), settings)
    programs = timed("doc_programs", lambda: shards.write_doc_programs(store, raw, judge, lambda _: None))
    if stages > DOCUMENT_STAGES:
        editor = load_chunk_refiner(checkpoint(folder, Task.CHUNK), settings)
        refined = timed(
            "doc_refined_corpus", lambda: shards.write_doc_refined(store, raw, programs, 0.0, lambda _: None)
        )
        edits = timed(
            "chunk_programs", lambda: shards.write_chunk_programs(store, refined, editor, lambda _: None)
        )
        timed(
            "chunk_refined_corpus",
            lambda: shards.write_chunk_refined(
                store, refined, edits, judge.checkpoint, Rails(), None, lambda _: None
            ),
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"ranges": len(raw.ranges), "rows": raw.rows, "peak_mb": peak, "seconds": seconds}


def checkpoint(folder: Path, task: Any) -> Path:
    """An untrained refiner of one narrow layer."""
    from prox_assets.config import Architecture
    from prox_assets.inference import Task
    from prox_assets.refiner.checkpoint import CheckpointInfo, ChunkThresholds, DocumentThresholds
    from prox_assets.refiner.recipe import Recipe
    from prox_assets.refiner.scoring.model import make_model

    target = folder / str(task)
    sizes = Architecture(hidden=32, layers=1, heads=1, intermediate=32, vocab_size=2048)
    texts = [page.text for page in generate_pages("web", 200, 0, "train")]
    model, tokenizer = make_model(Recipe(task, window=512, architecture=sizes), texts)
    model.save_pretrained(target)
    tokenizer.tokenizer.save_pretrained(target)
    thresholds = DocumentThresholds() if task is Task.DOCUMENT else ChunkThresholds()
    CheckpointInfo(task, 512, thresholds, {}, {}).write(target)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, nargs="+", default=[4, 40])
    parser.add_argument("--ranges-of", type=int)
    parser.add_argument("--stages", type=int, choices=(DOCUMENT_STAGES, 5), default=5)
    parser.add_argument("--shard", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.shard:
            print(json.dumps(refine(options.shard, Path(folder), options.ranges_of, options.stages)))
            return 0
        found = []
        for megabytes in options.megabytes:
            shard = Path(folder) / "shard.jsonl"
            documents = write_shard(shard, megabytes)
            command = [sys.executable, __file__, "--shard", str(shard), "--stages", str(options.stages)]
            if options.ranges_of:
                command += ["--ranges-of", str(options.ranges_of)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(
                {"megabytes": megabytes, "documents": documents} | json.loads(answer.splitlines()[-1])
            )
            print(found[-1], flush=True)
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}",
        "ranges_of_megabytes": options.ranges_of,
        "stages": options.stages,
        "shards": found,
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
