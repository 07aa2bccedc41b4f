"""How much a refiner gains from more seeds: F1 on unseen templates against the number of seed documents.

    python benchmarks/learning_curve.py [--domain web] [--steps N] [--seeds 0 1] [--output FILE]

Seeds are the first N pages of the embedded corpus, annotated with its truth as a perfect teacher would; the
smaller sets are part of the larger. Each point trains both refiners with the recipe of the demo, but for the
same number of steps whatever N: more seeds mean other pages, never more computing. Fewer seeds are gone
through more often, and the weights of the best validation F1 are kept, so a small set is not overtrained.
One page in ten of the seeds is for validation, which also chooses the thresholds. The linear baselines train
on the same rows. Scores are on pages of templates that no seed has, with 95% intervals over pages; several
training seeds show how much is luck.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.config import Architecture, Training
from prox_assets.documents.schema import SFT_CHUNKS, SFT_DOCUMENTS
from prox_assets.evaluation.baselines import ngram_answers, train_ngrams
from prox_assets.evaluation.report import LabelledPages, refiner_answers, sheet
from prox_assets.inference import EngineSettings, Task
from prox_assets.programs import Rails
from prox_assets.refiner.data import split
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.refiner import ChunkRefiner, DocumentRefiner
from prox_assets.refiner.scoring.training import train_chunk_refiner, train_document_refiner
from prox_assets.sample import SamplePage, generate_pages

_SIZES = (250, 500, 1000, 2000, 4000)
_HELD_OUT = 600
_SMALL = Architecture(hidden=64, layers=2, heads=2, intermediate=128, vocab_size=2048, local_attention=64)


def main() -> None:
    options = _options()
    pages = _labelled(list(islice(generate_pages(options.domain, _HELD_OUT, 0, "eval"), _HELD_OUT)))
    seeds = list(generate_pages(options.domain, max(options.sizes), 0, "train"))
    points = []
    for size in options.sizes:
        for point in _points(seeds[:size], pages, options):
            points.append(point)
            print(json.dumps(point), flush=True)
    result = {
        "benchmark": "learning_curve",
        "taken": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, one thread",
        "domain": options.domain,
        "steps": options.steps,
        "held_out_pages": _HELD_OUT,
        "points": points,
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _draw(result, options.figure)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domain", default="web")
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1))
    parser.add_argument("--overlap", type=int, default=32)
    results = Path(__file__).parent / "results"
    parser.add_argument("--output", type=Path, default=results / "learning_curve.json")
    figure = Path(__file__).parents[1] / "docs" / "images" / "learning_curve.svg"
    parser.add_argument("--figure", type=Path, default=figure)
    return parser.parse_args()


def _points(seeds: Sequence[SamplePage], pages: LabelledPages, options: argparse.Namespace) -> Iterator[Any]:
    documents, chunks = _document_table(seeds), _chunk_table(seeds)
    for seed in options.seeds:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            recipes = _recipes(options.steps, options.overlap, seed)
            keep = train_document_refiner(documents, recipes[0], Path(folder) / "documents").path
            noise = train_chunk_refiner(chunks, recipes[1], Path(folder) / "chunks").path
            trained = time.monotonic() - started
            loaded = DocumentRefiner.load(keep, EngineSettings()), ChunkRefiner.load(noise, EngineSettings())
            found = sheet(pages, refiner_answers(*loaded, pages, Rails()))
        yield {
            "system": "scoring",
            "seeds": len(seeds),
            "training_seed": seed,
            "seconds": round(trained, 1),
        } | _f1(found)
    found = sheet(pages, ngram_answers(*train_ngrams(documents, chunks), pages))
    yield {"system": "ngrams", "seeds": len(seeds)} | _f1(found)


def _recipes(steps: int, overlap: int, seed: int) -> tuple[Recipe, Recipe]:
    training = Training(
        epochs=1000, max_steps=steps, batch_tokens=4096, peak_learning_rate=4e-3, seed=seed, threads=1
    )
    document = Recipe(
        Task.DOCUMENT,
        window=512,
        architecture=_SMALL,
        training=training.model_copy(update={"max_steps": steps // 4}),
    )
    chunk = Recipe(
        Task.CHUNK,
        window=256,
        overlap=overlap,
        span_precision_floor=0.8,  # decides spans, and with them `characters_f1` alone
        architecture=_SMALL,
        training=replace(training, batch_tokens=2048),
    )
    return document, chunk


def _f1(found: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{part}_{name}": round(found[part][name], 4)
        for part in ("documents", "lines")
        for name in ("f1", "f1_low", "f1_high", "best_f1")
    } | {"characters_f1": round(found["characters"]["f1"], 4)}


def _labelled(pages: Sequence[SamplePage]) -> LabelledPages:
    rows = [
        {
            "id": page.doc_id,
            "lines": list(page.lines),
            "is_noise": list(page.is_noise),
            "keep": page.keep,
            "spans": [{"line": line, "start": start, "stop": stop} for line, start, stop in page.spans],
        }
        for page in pages
    ]
    return LabelledPages.of(pa.Table.from_pylist(rows))


def _document_table(pages: Sequence[SamplePage]) -> pa.Table:
    rows = [
        {"doc_id": page.doc_id, "split": split(page.doc_id, 0.1), "text": page.text, "keep": page.keep}
        for page in pages
    ]
    return pa.Table.from_pylist(rows, schema=SFT_DOCUMENTS)


def _chunk_table(pages: Sequence[SamplePage]) -> pa.Table:
    rows = [
        {
            "doc_id": page.doc_id,
            "split": split(page.doc_id, 0.1),
            "text": page.text,
            "program": "",
            "noise": list(_noise(page)),
            "ignored": [],
        }
        for page in pages
        if page.keep
    ]
    return pa.Table.from_pylist(rows, schema=SFT_CHUNKS)


def _noise(page: SamplePage) -> Iterator[dict[str, int]]:
    start = 0
    for number, (line, noisy) in enumerate(zip(page.lines, page.is_noise, strict=True)):
        if noisy:
            yield {"start": start, "stop": start + len(line)}
        else:
            for at, first, last in page.spans:
                if at == number:
                    yield {"start": start + first, "stop": start + last}
        start += len(line) + 1


def _draw(result: dict[str, Any], target: Path) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "learning curve"}):
        figure = Figure(figsize=(8.0, 3.2), layout="constrained")
        for axes, part in zip(figure.subplots(1, 2, sharey=True), ("lines", "documents"), strict=True):
            for system, colour in (("scoring", "#2a6f97"), ("ngrams", "#b5542b")):
                _line(
                    axes,
                    [point for point in result["points"] if point["system"] == system],
                    part,
                    system,
                    colour,
                )
            axes.set_xscale("log", base=2)
            axes.set_xticks(sorted({point["seeds"] for point in result["points"]}))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            axes.set(title=part, xlabel="seed documents")
            axes.grid(alpha=0.3)
        figure.axes[0].set_ylabel("F1 on unseen templates")
        figure.axes[0].legend(frameon=False)
        figure.savefig(target, metadata={"Date": None})


def _line(axes: Any, points: Sequence[dict[str, Any]], part: str, system: str, colour: str) -> None:
    sizes = sorted({point["seeds"] for point in points})
    of = {size: [point for point in points if point["seeds"] == size] for size in sizes}
    mean = [sum(point[f"{part}_f1"] for point in of[size]) / len(of[size]) for size in sizes]
    axes.plot(sizes, mean, marker="o", markersize=4, color=colour, label=system)
    low = [min(point[f"{part}_f1_low"] for point in of[size]) for size in sizes]
    high = [max(point[f"{part}_f1_high"] for point in of[size]) for size in sizes]
    axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
    for size in sizes:
        axes.plot(
            [size] * len(of[size]), [point[f"{part}_f1"] for point in of[size]], ".", color=colour, alpha=0.5
        )


if __name__ == "__main__":
    main()
