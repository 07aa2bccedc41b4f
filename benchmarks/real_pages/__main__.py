"""`python -m benchmarks.real_pages`: see the package."""

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import benchmarks.real_pages as package
from benchmarks.real_pages.pages import FILES, FOLDS, Pages, read_pages
from benchmarks.real_pages.rules import best_rules, rules_teacher
from benchmarks.real_pages.systems import Scored, linear_features, mixed, ngrams, scoring, two_steps
from benchmarks.real_pages.table import Decided, by_source, f1_of
from prox_assets.evaluation.baselines import Matrix


def main() -> None:
    """Train, score, and write what was found."""
    options = _options()
    pages = read_pages(options.data, options.pages, options.every)
    decided: Decided = {"rules": rules_teacher(pages)}
    seconds: dict[str, float] = defaultdict(float)
    features = linear_features(pages)
    for fold in options.folds:
        started = time.monotonic()
        for name, found in _systems(pages, features, fold, options):
            seconds[name] += time.monotonic() - started
            lines = pages.split(fold).test
            decided.setdefault(name, pages.undecided())[lines] = found.decisions
            print(fold, name, round(f1_of(found.decisions, pages.lines.truth[lines]), 4), flush=True)
            started = time.monotonic()
    result = _about(options) | {
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "sources": by_source(pages, decided, best_rules(pages), options.folds),
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _systems(
    pages: Pages, features: Matrix, fold: int, options: argparse.Namespace
) -> Iterator[tuple[str, Scored]]:
    linear = ngrams(pages, features, fold)
    yield "ngrams", linear
    if fold not in options.refiner_folds:
        return
    yield "scoring", scoring(pages, fold, options.steps, options.threads)
    if options.pages == "main":
        whole = read_pages(options.data, "full")
        refined = two_steps(whole, pages, fold, (options.steps, options.second_steps), options.threads)
        yield "two steps", refined
        yield "mixed", mixed(pages, fold, (refined, linear))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add: Callable[..., Any] = parser.add_argument
    add("--data", type=Path, required=True)
    add("--pages", choices=sorted(FILES), default="main")
    add("--every", type=int, default=1)
    add("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    add("--refiner-folds", type=int, nargs="*", default=[0])
    add("--steps", type=int, default=700)
    add("--second-steps", type=int, default=400)
    add("--threads", type=int, default=1)
    add("--output", type=Path)
    options = parser.parse_args()
    results = Path(__file__).parents[1] / "results"
    options.output = options.output or results / f"real_pages_{options.pages}.json"
    return options


def _about(options: argparse.Namespace) -> dict[str, Any]:
    names = ("pages", "every", "folds", "refiner_folds", "steps", "second_steps", "threads")
    about = {"benchmark": "real_pages", "taken": datetime.now(UTC).date().isoformat()}
    return about | {"machine": platform.machine()} | {name: getattr(options, name) for name in names}


if __name__ == "__main__":
    main()
