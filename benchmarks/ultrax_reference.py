"""Compare the UltraX profile with the code released with UltraX, on generated pairs of text and program.

    python benchmarks/ultrax_reference.py --reference /path/to/openbmb/UltraX

Every text must be the same. Half of the programs are damaged. The reference is a checkout (or a bare mirror)
of https://github.com/openbmb/UltraX; nothing of it is kept.
"""

import argparse
import json
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from programs_reference import read

from prox_assets.chunking import whole
from prox_assets.programs import apply_edits, revert_edits
from prox_assets.programs.profiles.ultrax import execute_ultrax
from prox_assets.programs.profiles.ultrax_text import read_ultrax

RESULTS = Path(__file__).parent / "results" / "ultrax_reference.json"
FILE = "stage2_large_scale_execution/post_processing/post_process_and_execute.py"
WORDS = (
    "Home",
    "menu",
    "Share",
    "this",
    "|",
    "About",
    "by",
    "2024",
    "[edit]",
    "中文",
    "a",
    "b",
    "é",
    "'",
    '"',
    "\\",
)
GAPS = (" ", " ", " ", "", "  ", "\t", "\x0b", "\u2028")
NOISE = ["=", ",", ")", "(", '"', "'", " ", "\n", "#", "---", "remove_all()", "\\n", "x", "-", "1"]


def released_process_row(reference: Path) -> Callable[[str, str], tuple[str, str, str]]:
    """The released function, from a file that imports packages which it does not need."""
    source = read(reference, FILE)
    for name in ("import pandas as pd", "import pyarrow.parquet as pq"):
        source = source.replace(name, "")
    functions: dict[str, Any] = {"__name__": "ultrax"}
    exec(compile(source, FILE, "exec"), functions)
    process_row: Callable[[str, str], tuple[str, str, str]] = functions["process_row"]
    return process_row


def random_text(rng: random.Random) -> str:
    lines = rng.choices((0, 1, 3, 8, 25), (1, 2, 4, 6, 2))[0]
    ends = rng.choice((["\n"], ["\n"], ["\n", "\n\n", "\n\n\n"], ["\r\n", "\n", "\r"]))
    text = ""
    for _ in range(lines):
        words = rng.choices(WORDS, k=rng.choice((0, 1, 3, 7)))
        text += "".join(word + rng.choice(GAPS) for word in words) + rng.choice(ends)
    return text if rng.random() < 0.5 else text.strip("\n")


def random_string(rng: random.Random, line: str) -> str:
    if line and rng.random() < 0.8:
        start = rng.randrange(len(line))
        return line[start : start + rng.choice((1, 3, 6, 12))]
    return "".join(rng.choices(NOISE, k=rng.randint(0, 4)))


def random_call(rng: random.Random, lines: list[str]) -> str:
    number = rng.randint(0, len(lines) + 2)
    line = lines[number - 1] if 1 <= number <= len(lines) else ""
    first = rng.randint(0, len(lines) + 1)
    old = random_string(rng, line)
    new = rng.choice(["", "", old[1:], old + "x", random_string(rng, line)])
    quoted = [repr(one) if rng.random() < 0.8 else f'"{one}"' for one in (old, new)]
    return rng.choice(
        [
            f"remove_lines({first}, {first + rng.choice((-1, 0, 0, 1, 3, 50))})",
            f"remove_lines({first},{first})",
            f"replace_str({number}, {quoted[0]}, {quoted[1]})",
            f"replace_str({number}, {quoted[0]}, {quoted[1]})",
            f"replace_str({number}, {quoted[0]}, {quoted[1]})",
            f"add_line({number}, {rng.choice((0, 1, 1, 2, 10000, -1))}, {quoted[1]})",
            f"add_line({number}, 1, {rng.choice(WORDS)!r})",
            rng.choice(["keep_all()", "remove_all()", "# note", "---", "normalize('a', '')", "I keep_all()"]),
        ]
    )


def random_program(rng: random.Random, text: str) -> str:
    if rng.random() < 0.1:
        return rng.choice(["keep_all()", "remove_all()", "", "keep_all()\nkeep_all()", "nothing to do"])
    lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)
    calls = [random_call(rng, lines) for _ in range(rng.choices((1, 2, 4, 8), (3, 3, 4, 1))[0])]
    if rng.random() < 0.08:
        calls += rng.choices(calls, k=rng.choice((3, 6, 35)))
    program = "\n".join(calls)
    if rng.random() < 0.5:
        at = rng.randrange(len(program) + 1)
        program = rng.choice(
            [program[:at], program[:at] + rng.choice(NOISE) + program[at:], f"  {program}\n\n"]
        )
    return program


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    process_row, rng, began = (
        released_process_row(options.reference),
        random.Random(options.seed),
        time.perf_counter(),
    )
    tally = Counter[str](pairs=0, changed=0, differences=0)
    for _ in range(options.pairs):
        text = random_text(rng)
        program = random_program(rng, text)
        _, theirs, calls = process_row(text, program)
        done = execute_ultrax(text, [(whole(text), read_ultrax(program))])
        tally["pairs"] += 1
        tally["changed"] += theirs != text
        tally["taken for loops"] += "repetitive" in calls
        tally["emptied"] += theirs == "" != text
        sound = apply_edits(text, done.edits) == done.text and revert_edits(done.text, done.edits) == text
        if theirs != done.text or not sound:
            tally["differences"] += 1
            if tally["differences"] <= 5:
                print(
                    "DIFFERENT",
                    *map(repr, (text, program, theirs, done.text, calls)),
                    sep="\n  ",
                    file=sys.stderr,
                )
    commit = subprocess.run(
        ["git", "-C", str(options.reference), "rev-parse", "HEAD"], capture_output=True, text=True
    )
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "reference": commit.stdout.strip() or "not a repository",
        "seed": options.seed,
        **tally,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result, indent=2))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if tally["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
