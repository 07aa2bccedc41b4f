"""Compare the ProX profile with the code released with ProX, on generated pairs and on real pages.

    python benchmarks/programs_reference.py --reference /path/to/GAIR-NLP/ProX [--pages webdocs.parquet]

Every text, every error count and every exception must be the same; the chunker is compared on the same texts.
The reference is a checkout (or a bare mirror) of https://github.com/GAIR-NLP/ProX; nothing of it is kept.
"""

import argparse
import ast
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.chunking import numbered
from prox_assets.inference.loading import load_tokenizer
from prox_assets.programs.profiles.prox import (
    chunks_as_released,
    execute_as_released,
    keep_as_released,
    run_as_released,
)

RESULTS = Path(__file__).parent / "results" / "programs_reference.json"
WORDS = (
    *("Home", "menu", "Share", "this", "|", "About", "by", "admin", "http://a.b/c?d=e&f=g", "2024", "[edit]"),
    *("中文", "导航", "(here)", "a", "b", "\t", "é", "\u2028", "="),
)
NOISE = ["=", ",", ")", "(", '"', "'", " ", "\n", "all=True", "remove_lines", "normalize", "\\n", "x", "-"]


def read(reference: Path, path: str) -> str:
    """A file of the reference, out of a checkout or of a repository without a work tree."""
    if (reference / path).is_file():
        return (reference / path).read_text(encoding="utf-8")
    git = subprocess.run(
        ["git", "-C", str(reference), "show", f"HEAD:{path}"], check=True, capture_output=True, text=True
    )
    return git.stdout


def released_functions(reference: Path) -> dict[str, Callable[..., Any]]:
    """The released functions, taken out of files whose imports need packages of 2024."""
    found: dict[str, Callable[..., Any]] = {}
    for path, wanted in (
        ("utils/chunk_utils.py", None),
        ("data_gen/tasks/apply_chunk_refining.py", {"trunc_text", "merge_chunks"}),
    ):
        tree = ast.parse(read(reference, path))
        functions = [
            n for n in tree.body if isinstance(n, ast.FunctionDef) and (not wanted or n.name in wanted)
        ]
        exec(compile(ast.Module(functions, []), path, "exec"), found)
    documents: dict[str, Callable[..., Any]] = {}
    exec(read(reference, "utils/doc_utils.py"), documents)
    return {**found, "execute_document": documents["execute_meta_operations"]}


def random_text(rng: random.Random) -> str:
    lines = rng.choices((0, 1, 3, 12, 40), (1, 2, 3, 10, 4))[0]
    rows = [" ".join(rng.choices(WORDS, k=rng.randint(0, 12))) for _ in range(lines)]
    return "\n".join(rows)


def random_string(rng: random.Random, text: str) -> str:
    if text and rng.random() < 0.7:
        start = rng.randrange(len(text))
        return text[start : start + rng.randint(1, 20)]
    return "".join(rng.choices(NOISE, k=rng.randint(0, 4)))


def random_call(rng: random.Random, text: str) -> str:
    first = rng.randint(-2, text.count("\n") + 3)
    last = first + rng.randint(-2, 12)
    quote = rng.choice(['"', '"', '"', "'", ""])
    source, target = random_string(rng, text), rng.choice(["", "", "x", random_string(rng, text)])
    return rng.choice(
        [
            f"remove_lines(line_start={first}, line_end={last})",
            f"remove_lines(start={first}, end={last})",
            f"remove_lines(end={last}, start={first})",
            f"remove_lines({first}, {last})",
            f"normalize(source_str={quote}{source}{quote}, target_str={quote}{target}{quote})",
            f"normalize(source_str={quote}{source}{quote})",
            f"normalize({quote}{source}{quote}, {quote}{target}{quote})",
            "keep_chunk()",
            "remove_lines(all=True)" if rng.random() < 0.2 else "skip_chunk()",
            f"# {source}",
        ]
    )


def random_program(rng: random.Random, text: str) -> str:
    calls = [random_call(rng, text) for _ in range(rng.choices((0, 1, 3, 6), (1, 4, 6, 2))[0])]
    program = rng.choice(["\n", "\n", "\n", " ", "\n  "]).join(calls)
    if program and rng.random() < 0.3:
        at = rng.randrange(len(program))
        program = rng.choice([program[:at], program[:at] + rng.choice(NOISE) + program[at:], program[at:]])
    return rng.choice(["", "", "", " ", "Program: "]) + program


@dataclass
class Tally:
    """What was compared, and the first differences."""

    pairs: int = 0
    changed: int = 0
    crashes: int = 0
    chunked: int = 0
    differences: int = 0

    def differ(self, kind: str, *values: object) -> None:
        self.differences += 1
        if self.differences <= 5:
            print("DIFFERENT", kind, *map(repr, values), sep="\n  ", file=sys.stderr)


def answer(function: Callable[..., Any], *arguments: object) -> object:
    try:
        return function(*arguments)
    except ZeroDivisionError:
        return ZeroDivisionError


def compare(tally: Tally, released: dict[str, Callable[..., Any]], text: str, program: str) -> None:
    theirs = answer(released["execute_meta_operations"], text, program)
    ours = answer(execute_as_released, text, program)
    operated = released["execute_operations"](text, program.strip(" ").split("\n"))
    run = run_as_released(text, program)
    if theirs != ours or (operated[0], operated[-1]) != (run.text, run.errors):
        tally.differ("execution", text, program, theirs, ours, operated[-1], run.errors)
    kept = released["execute_document"](text, program)
    if (kept == text) is not (keep_as_released(program) or text == ""):
        tally.differ("document", text, program)
    tally.pairs += 1
    tally.changed += theirs not in (text, "")
    tally.crashes += theirs is ZeroDivisionError


class Words:
    """A stand-in for a tokenizer where only counts matter: characters in threes, and a BOS."""

    def encode(self, line: str) -> list[int]:
        return [0] * (1 + -(-len(line) // 3))


def compare_chunks(
    tally: Tally, released: dict[str, Callable[..., Any]], text: str, tokenizer: Any, window: int
) -> None:
    theirs = released["trunc_text"](text, tokenizer, max_token=window)
    chunks = chunks_as_released(text, lambda line: len(tokenizer.encode(line)), window)
    ours = [numbered(text, chunk) for chunk in chunks]
    if theirs != ours or "".join(text[c.start : c.stop] for c in chunks) != text:
        tally.differ("chunks", text[:200], window, len(theirs), len(ours))
    tally.chunked += 1


def pages(path: Path | None) -> Iterator[str]:
    if path is not None:
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(columns=["text"], batch_size=500):
            yield from batch.column("text").to_pylist()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--pages", type=Path, help="a Parquet file with a `text` column")
    parser.add_argument(
        "--tokenizer", help="a Hugging Face tokenizer for the chunker (default: a count of characters)"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    released, rng, began = (
        released_functions(options.reference),
        random.Random(options.seed),
        time.perf_counter(),
    )
    generated, real = Tally(), Tally()
    for number in range(options.pairs):
        text = random_text(rng)
        compare(generated, released, text, random_program(rng, text))
        if number % 5 == 0:
            compare_chunks(generated, released, text, Words(), rng.choice((1, 5, 40, 400)))
    tokenizer: Any = Words()
    if options.tokenizer:
        tokenizer = load_tokenizer(options.tokenizer)
    for text in pages(options.pages):
        compare(real, released, text, random_program(rng, text))
        compare(real, released, text, random_program(rng, text))
        compare_chunks(real, released, text, tokenizer, 1500)
    result = {
        "generated": vars(generated),
        "real_pages": vars(real),
        "tokenizer": "llama" if options.tokenizer else "characters in threes",
        "seed": options.seed,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result, indent=2))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if generated.differences or real.differences else 0


if __name__ == "__main__":
    sys.exit(main())
