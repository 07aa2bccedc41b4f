"""One model for both stages against two: F1 on held-out pages of the embedded corpus, and tokens read.

One token classifier with four labels: clean and noise for tokens, and drop and keep, of which the mean over
a document's first window decides.

Run: `python benchmarks/one_pass.py --output benchmarks/results/one_pass.json`.
"""

import argparse
import json
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch.nn.functional import cross_entropy

from prox_assets.config import Architecture, Training
from prox_assets.documents.schema import SFT_CHUNKS, SFT_DOCUMENTS
from prox_assets.inference import EngineSettings, Task
from prox_assets.inference.engine import length_sorted_batches
from prox_assets.refiner.checkpoint import no_progress
from prox_assets.refiner.data import IGNORED, Example, LabelledText, chunk_examples, split
from prox_assets.refiner.loop import fit
from prox_assets.refiner.metrics import average_precision, best_f1, roc_auc
from prox_assets.refiner.recipe import Optimization, Recipe
from prox_assets.refiner.scoring.model import make_model
from prox_assets.refiner.scoring.refiner import ChunkRefiner, DocumentRefiner, prepare_chunks
from prox_assets.refiner.scoring.training import (
    BETAS,
    Hider,
    scoring_course,
    train_chunk_refiner,
    train_document_refiner,
)
from prox_assets.refiner.scoring.windows import line_scores, merge_chunks
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.sample import SamplePage, generate_pages

WINDOW = 256
SMALL = Architecture(hidden=64, layers=2, heads=2, intermediate=128, vocab_size=2048, local_attention=64)
SETTINGS = EngineSettings(device="cpu", threads=1)


def main() -> None:
    """Train and compare, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=800)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    train = list(islice(generate_pages("web", options.pages, 0, "train"), options.pages))
    held_out = list(islice(generate_pages("web", options.held_out, 0, "eval"), options.held_out))
    runs = []
    for seed in range(options.seeds):
        for name, run in (("two models", _two), ("one model", _one)):
            runs.append({"seed": seed, "models": name} | run(train, held_out, seed))
            print(json.dumps(runs[-1]), flush=True)
    if options.output:
        options.output.write_text(json.dumps({"pages": options.pages, "runs": runs}, indent=2) + "\n")


def _recipe(task: Task, seed: int, epochs: int) -> Recipe:
    training = Training(epochs=epochs, batch_tokens=4096, peak_learning_rate=4e-3, seed=seed, threads=1)
    return Recipe(task, window=WINDOW, overlap=0, architecture=SMALL, training=training)


def _two(train: list[SamplePage], held_out: list[SamplePage], seed: int) -> dict[str, Any]:
    with TemporaryDirectory() as place:
        started = time.monotonic()
        documents = train_document_refiner(
            _documents(train), _recipe(Task.DOCUMENT, seed, 4), Path(place) / "d"
        )
        chunks = train_chunk_refiner(_chunks(train), _recipe(Task.CHUNK, seed, 4), Path(place) / "c")
        seconds = time.monotonic() - started
        judge, editor = (
            DocumentRefiner.load(documents.path, SETTINGS),
            ChunkRefiner.load(chunks.path, SETTINGS),
        )
        scores = judge.score([page.text for page in held_out])
        keep = np.array([score.keep_probability for score in scores])
        kept = [page for page in held_out if page.keep]
        lines = editor.line_scores([page.text for page in kept])
        tokens = sum(score.n_tokens_seen for score in scores)
        tokens += sum(score.n_tokens for score, page in zip(scores, held_out, strict=True) if page.keep)
    return _figures(keep, lines, held_out) | {"training_seconds": round(seconds, 1), "tokens_read": tokens}


def _one(train: list[SamplePage], held_out: list[SamplePage], seed: int) -> dict[str, Any]:
    started = time.monotonic()
    recipe = _recipe(Task.CHUNK, seed, 4)
    torch.manual_seed(seed)
    model, tokenizer = make_model(recipe, [page.text for page in train if _split(page) == "train"])
    model.classifier = torch.nn.Linear(model.classifier.in_features, 4)
    learned = [page for page in train if _split(page) == "train"]
    validation = [page for page in train if _split(page) == "validation"]
    examples, keep = _examples(learned, tokenizer)
    course = scoring_course(examples, recipe.training, Hider(tokenizer, recipe.training), 0)
    collate = course.collate

    def with_documents(positions: list[int], number: int) -> dict[str, Any]:
        labels = torch.tensor([keep[position] for position in positions])
        return {**collate(positions, number), "documents": labels}

    def score() -> float:
        figures = _judge(model, tokenizer, validation)
        return float(figures["document_best_f1"] + figures["line_best_f1"]) / 2

    with TemporaryDirectory() as work:
        both = replace(course, collate=with_documents, loss=_loss)
        fit(model, both, Optimization.of(recipe.training, BETAS), score, Path(work), no_progress)
    seconds = time.monotonic() - started
    return _judge(model, tokenizer, held_out) | {"training_seconds": round(seconds, 1)}


def _examples(pages: list[SamplePage], tokenizer: TextTokenizer) -> tuple[list[Example], list[int]]:
    """Windows with labels for tokens (of kept pages) and for the document (in its first window)."""
    examples, keep = [], []
    for page in pages:
        noise = _noise(page) if page.keep else [(0, len(page.text))]
        for number, one in enumerate(
            chunk_examples([LabelledText(page.text, noise, ())], tokenizer, WINDOW, 1.0)
        ):
            if page.keep or not number:
                labels = one.labels if page.keep else [IGNORED] * len(one.labels)
                examples.append(replace(one, labels=labels))
                keep.append(IGNORED if number else int(page.keep))
    return examples, keep


def _loss(model: Any, batch: Any) -> Any:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    flat = batch["labels"].reshape(-1)
    weights = batch["weights"].reshape(-1) * (flat != IGNORED)
    losses = cross_entropy(logits[..., :2].reshape(-1, 2), flat, ignore_index=IGNORED, reduction="none")
    tokens = (losses * weights).sum() / weights.sum().clamp(min=1e-9)
    known = (batch["documents"] != IGNORED).sum()
    mask = batch["attention_mask"][..., None]
    pooled = (logits[..., 2:] * mask).sum(1) / mask.sum(1)
    documents = cross_entropy(
        pooled, batch["documents"], ignore_index=IGNORED, reduction="sum"
    ) / known.clamp(min=1)
    return tokens + documents


def _judge(model: Any, tokenizer: TextTokenizer, pages: list[SamplePage]) -> dict[str, Any]:
    cut = prepare_chunks(tokenizer, WINDOW, [page.text for page in pages])
    flat = [tokenizer.specials.wrap(window.ids) for windows in cut for window in windows]
    found: dict[int, Any] = {}
    for batch in length_sorted_batches([len(ids) for ids in flat], 8192):
        width = max(len(flat[place]) for place in batch)
        ids = torch.tensor([flat[place] + [0] * (width - len(flat[place])) for place in batch])
        mask = torch.tensor([[1] * len(flat[place]) + [0] * (width - len(flat[place])) for place in batch])
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask).logits
        found |= {place: logits[row, : len(flat[place])].float().numpy() for row, place in enumerate(batch)}
    answers = iter(found[place] for place in range(len(flat)))
    keep, lines = [], []
    for page, windows in zip(pages, cut, strict=True):
        logits = [next(answers) for _ in windows]
        keep.append(float(_softmax(logits[0][:, 2:].mean(0))[1]))
        if page.keep:
            first = len(tokenizer.specials.prefix)
            noise = [
                _softmax(one[first : first + len(w.tokens), :2])[:, 1]
                for one, w in zip(logits, windows, strict=True)
            ]
            parts = [(w.chunk, len(w.tokens), line_scores(w, p)) for w, p in zip(windows, noise, strict=True)]
            lines.append(merge_chunks(page.text.count("\n") + 1, parts))
    tokens = sum(len(window.ids) for windows in cut for window in windows)
    return _figures(np.array(keep), lines, pages) | {"tokens_read": tokens}


def _figures(keep: Any, lines: list[Any], pages: list[SamplePage]) -> dict[str, Any]:
    kept = [page for page in pages if page.keep]
    counts = [np.array([bool(line.strip()) for line in page.lines]) for page in kept]
    scores = np.concatenate([one[which] for one, which in zip(lines, counts, strict=True)])
    truth = np.concatenate([np.array(page.is_noise)[which] for page, which in zip(kept, counts, strict=True)])
    wanted = np.array([page.keep for page in pages])
    return {
        "document_best_f1": round(best_f1(keep, wanted), 4),
        "document_roc_auc": round(roc_auc(keep, wanted), 4),
        "line_best_f1": round(best_f1(scores, truth), 4),
        "line_average_precision": round(average_precision(scores, truth), 4),
    }


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _split(page: SamplePage) -> str:
    return split(page.doc_id, 0.15)


def _documents(pages: list[SamplePage]) -> pa.Table:
    rows = [{"doc_id": p.doc_id, "split": _split(p), "text": p.text, "keep": p.keep} for p in pages]
    return pa.Table.from_pylist(rows, SFT_DOCUMENTS)


def _chunks(pages: list[SamplePage]) -> pa.Table:
    rows = [
        {
            "doc_id": page.doc_id,
            "split": _split(page),
            "text": page.text,
            "program": "",
            "noise": [{"start": start, "stop": stop} for start, stop in _noise(page)],
            "ignored": [],
        }
        for page in pages
        if page.keep
    ]
    return pa.Table.from_pylist(rows, SFT_CHUNKS)


def _noise(page: SamplePage) -> list[tuple[int, int]]:
    spans, start = [], 0
    for number, (line, noisy) in enumerate(zip(page.lines, page.is_noise, strict=True)):
        if noisy:
            spans.append((start, start + len(line)))
        spans += [(start + first, start + last) for at, first, last in page.spans if at == number]
        start += len(line) + 1
    return spans


if __name__ == "__main__":
    main()
