"""Tokenize and chunk documents: one batched call with offsets against the released code's way.

    python benchmarks/chunking_rate.py --pages webdocs.parquet --tokenizer LLAMA [--reference PATH]

The released way calls the tokenizer once a line, packs, renders every chunk's chat template and tokenizes
it again. With --reference its own function packs; without, ours of the same behaviour. The batched call uses
all cores, so the seconds that pass and the seconds of all cores together are both reported.
"""

import argparse
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from programs_reference import pages, released_functions

from prox_assets.chunking import chunk_lines, numbered
from prox_assets.inference.loading import load_tokenizer
from prox_assets.programs.profiles.prox import chunks_as_released
from prox_assets.refiner.tokenization import TextTokenizer

RESULTS = Path(__file__).parent / "results" / "chunking.json"
TARGET, WINDOW, BATCH, ROUNDS = 10.0, 1500, 64, 3
SYSTEM = "You are a helpful, respectful and honest assistant."
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}[INST] <<SYS>>\n{{ m.content }}\n<</SYS>>\n\n"
    "{% else %}{{ m.content }} [/INST]{% endif %}{% endfor %}"
)


def ours(tokenizer: TextTokenizer, texts: Sequence[str]) -> int:
    chunks = 0
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        for text, tokens in zip(batch, tokenizer(batch), strict=True):
            chunks += len(chunk_lines(text, tokens.starts.tolist(), WINDOW))
    return chunks


def released(tokenizer: Any, texts: Sequence[str], cut: Callable[[str], list[str]]) -> int:
    chunks = 0
    for text in texts:
        for shown in cut(text):
            messages = [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": f"[doc]\n{shown}\n[/doc]"},
            ]
            prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            tokenizer.encode(prompt)
            chunks += 1
    return chunks


def released_cut(tokenizer: Any, reference: Path | None) -> Callable[[str], list[str]]:
    if reference:
        cut = released_functions(reference)["trunc_text"]
        return lambda text: cut(text, tokenizer, max_token=WINDOW)
    count = lambda line: len(tokenizer.encode(line))  # noqa: E731
    return lambda text: [numbered(text, chunk) for chunk in chunks_as_released(text, count, WINDOW)]


def timed(run: Callable[[], int]) -> tuple[int, float, float]:
    """What ran, the seconds that passed, and the seconds of all cores."""
    began, cpu = time.perf_counter(), time.process_time()
    chunks = run()
    return chunks, time.perf_counter() - began, time.process_time() - cpu


def middle(runs: list[tuple[int, float, float]]) -> tuple[int, float, float]:
    """The chunks and the medians of both seconds."""
    return runs[0][0], median(run[1] for run in runs), median(run[2] for run in runs)


def peak_memory(texts: Sequence[str], run: Callable[[Sequence[str]], int]) -> float:
    """The most Python memory for one batch, in bytes a byte of text (the tokenizer's own is not Python's)."""
    batch = texts[:BATCH]
    tracemalloc.start()
    run(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / sum(len(text.encode()) for text in batch), 2)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--documents", type=int, default=1000)
    options = parser.parse_args()
    tokenizer = load_tokenizer(options.tokenizer)
    tokenizer.chat_template = TEMPLATE
    cut = released_cut(tokenizer, options.reference)
    texts = list(islice(pages(options.pages), options.documents))
    fast = TextTokenizer(tokenizer)
    ours(fast, texts[:BATCH])
    runs = [
        (timed(lambda: ours(fast, texts)), timed(lambda: released(tokenizer, texts, cut)))
        for _ in range(ROUNDS)
    ]
    our_chunks, our_wall, our_cpu = middle([run for run, _ in runs])
    their_chunks, their_wall, their_cpu = middle([run for _, run in runs])
    starts = [tokens.starts.tolist() for tokens in fast(texts)]
    cutting = timed(lambda: sum(len(chunk_lines(t, s, WINDOW)) for t, s in zip(texts, starts, strict=True)))
    result = {
        "documents": len(texts),
        "characters": sum(map(len, texts)),
        "tokens": sum(map(len, starts)),
        "chunks": our_chunks,
        "released_chunks": their_chunks,
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 1),
        "documents_per_second": round(len(texts) / our_wall, 1),
        "released_documents_per_second": round(len(texts) / their_wall, 1),
        "times_faster": round(their_wall / our_wall, 2),
        "times_less_processor_time": round(their_cpu / our_cpu, 2),
        "target_times_faster": TARGET,
        "chunking_alone_documents_per_second": round(len(texts) / cutting[2]),
        "peak_python_bytes_per_byte": peak_memory(texts, lambda batch: ours(fast, batch)),
        "released_peak_python_bytes_per_byte": peak_memory(
            texts, lambda batch: released(tokenizer, batch, cut)
        ),
        "released_function": "the reference's own" if options.reference else "ours of the same behaviour",
    }
    print(json.dumps(result, indent=2))
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    stored[Path(options.tokenizer).name] = result
    RESULTS.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    return 0 if result["times_faster"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
