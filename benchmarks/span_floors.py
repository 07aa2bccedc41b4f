"""What the precision floor of spans costs and saves on templates that nobody was trained on.

    PYTHONPATH=. python benchmarks/span_floors.py [--home .prox] [--output FILE]

Takes the chunk refiners and the corpus of a finished demo (`make demo`), chooses the span threshold for each
floor on the validation rows that the refiner was trained with, and executes the programs on held-out pages.
No model is trained.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prox_assets.documents.store import Store
from prox_assets.evaluation.report import (
    LabelledPages,
    RemovalMetrics,
    character_truth,
    judge_programs,
    page_texts,
    read_labels,
    removal_metrics,
)
from prox_assets.inference import EngineSettings, Task
from prox_assets.programs import Rails
from prox_assets.refiner import metrics
from prox_assets.refiner.checkpoint import ChunkThresholds, read_info
from prox_assets.refiner.data import labelled_texts, split_of
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.scoring.predictions import chunk_result
from prox_assets.refiner.scoring.refiner import ChunkRefiner, prepare_chunks
from prox_assets.refiner.scoring.validation import ChunkValidation, Judged
from prox_assets.refiner.scoring.windows import Window
from prox_assets.refiner.tokenization import TextTokenizer

_FLOORS = (0.8, 0.9, 0.95, 0.98)
_DOCUMENTS = 600


def main() -> None:
    """Measure every domain of the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".prox"))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "span_floors.json")
    options = parser.parse_args()
    result = {
        "benchmark": "span_floors",
        "taken": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "domains": {domain: list(_floors(options.home, domain)) for domain in ("web", "math")},
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _floors(home: Path, domain: str) -> Iterator[dict[str, Any]]:
    store = Store(home / "storage")
    checkpoint = store.artifact(domain, "chunk_refiner").folder / "checkpoint"
    refiner = ChunkRefiner.load(checkpoint, EngineSettings(threads=1))
    thresholds = read_info(checkpoint, Task.CHUNK).thresholds
    assert isinstance(thresholds, ChunkThresholds)
    tokens = _validation_tokens(refiner, store, domain, checkpoint)
    pages = _held_out(store, home, domain)
    texts = page_texts(pages.kept)
    cut = prepare_chunks(TextTokenizer.load(checkpoint), refiner.window, texts, refiner.overlap)
    scored = list(zip(texts, cut, refiner.probabilities(cut), strict=True))
    for floor in (None, *_FLOORS):
        span = None if floor is None else metrics.best_f1_threshold(tokens.scores, tokens.truth, floor)
        found = _removal(refiner, replace(thresholds, span=span), pages, scored)
        yield {"floor": floor, "threshold": span} | {
            name: round(value, 4) for name, value in asdict(found).items()
        }


def _validation_tokens(refiner: ChunkRefiner, store: Store, domain: str, checkpoint: Path) -> Judged:
    table = pq.read_table(store.artifact(domain, "sft_dataset").folder / "chunks.parquet")
    rows = labelled_texts(split_of(table, "validation"))
    validation = ChunkValidation(rows, TextTokenizer.load(checkpoint), refiner.window, refiner.overlap)
    return validation.judge(refiner._engine).tokens_in_clean_lines


def _held_out(store: Store, home: Path, domain: str) -> LabelledPages:
    shards = [one for one in store.shards(domain, "raw_documents") if "heldout" in one.key.shard]
    ids = {
        name for one in shards for batch in one.batches(["doc_id"]) for name in batch["doc_id"].to_pylist()
    }
    labels = read_labels(home / "sample" / "truth" / f"{domain}.parquet", ids, _DOCUMENTS)
    return LabelledPages.of(labels)


def _removal(
    refiner: ChunkRefiner,
    thresholds: ChunkThresholds,
    pages: LabelledPages,
    scored: list[tuple[str, list[Window], list[Floats]]],
) -> RemovalMetrics:
    judged = []
    for text, windows, answers in scored:
        results = (
            chunk_result(text, *one, thresholds, refiner.calibration)
            for one in zip(windows, answers, strict=True)
        )
        judged.append(judge_programs(text, [(one.chunk, one.program_text) for one in results], Rails()))
    rows = pages.kept.to_pylist()
    return removal_metrics((one.removed, character_truth(row)) for one, row in zip(judged, rows, strict=True))


if __name__ == "__main__":
    main()
