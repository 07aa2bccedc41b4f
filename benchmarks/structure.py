"""The structure of the package in figures: modules, folders, circles, names, the files that a text passes.

    python benchmarks/structure.py [--checkpoints DOC CHUNK]

Counts are of `prox_assets/`. With two checkpoints, ten documents are refined in one process, a second time
once all is imported, and every file of the package is counted in which a function ran from `raw_documents` to
`chunk_refined_corpus`.
"""

import argparse
import ast
import inspect
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

_FIRST, _LAST = "write_doc_programs", "write_chunk_refined"
PACKAGE = Path(__file__).resolve().parent.parent / "prox_assets"


def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {_name(file): file for file in files}


def _name(file: Path) -> str:
    name = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(known: dict[str, Path]) -> dict[str, set[str]]:
    """What each module imports of the package when it is loaded; imports inside functions come later."""
    return {name: set(_imported(file, known)) for name, file in known.items()}


def _imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else node.module


def circles(graph: dict[str, set[str]]) -> list[str]:
    """The modules that import themselves by way of others."""
    return sorted(name for name in graph if name in _reached(graph, graph[name]))


def _reached(graph: dict[str, set[str]], begin: set[str]) -> set[str]:
    found, todo = set(begin), list(begin)
    while todo:
        new = graph[todo.pop()] - found
        found |= new
        todo += new
    return found


def repeated_classes(known: dict[str, Path]) -> dict[str, list[str]]:
    """Names of classes that more than one module defines, those with a leading underscore apart."""
    places: dict[str, list[str]] = {}
    for name, file in known.items():
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def structure() -> dict[str, Any]:
    """All figures that need no model."""
    known = modules()
    lines = {name: len(file.read_text("utf-8").splitlines()) for name, file in known.items()}
    folders = Counter(file.parent.relative_to(PACKAGE.parent).as_posix() for file in known.values())
    return {
        "modules": len(known),
        "lines": sum(lines.values()),
        "module_median": median(lines.values()),
        "longest": dict(Counter(lines).most_common(3)),
        "folder_median": median(folders.values()),
        "largest_folders": dict(folders.most_common(3)),
        "circles": circles(imports(known)),
        "repeated_classes": repeated_classes(known),
    }


def files_on_the_way(documents: Path, chunks: Path) -> list[str]:
    """The files of the package in which a function ran while documents were refined by two checkpoints."""
    from prox_assets.cli import main

    seen: set[str] = set()
    inside = False

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal inside
        code = frame.f_code
        if event == "call" and code.co_name == _FIRST:
            inside = True
        elif event == "return" and code.co_name == _LAST:
            inside = False
        if inside and event == "call" and code.co_flags & inspect.CO_OPTIMIZED:
            seen.add(code.co_filename)

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "pages.jsonl"
        rows = [{"id": str(n), "text": f"Home | About\nA sentence about the number {n}."} for n in range(10)]
        source.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        refiners = ["--doc-refiner", str(documents), "--chunk-refiner", str(chunks)]
        for run in range(2):
            if run:
                threading.setprofile(note)
                sys.setprofile(note)
            try:
                command = ["refine", str(source), "--output", f"{folder}/{run}", *refiners]
                main([*command, "--when-unreliable", "use"])
            finally:
                sys.setprofile(None)
                threading.setprofile(None)
    return sorted(
        Path(file).relative_to(PACKAGE).as_posix() for file in seen if Path(file).is_relative_to(PACKAGE)
    )


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", nargs=2, type=Path, metavar=("DOC", "CHUNK"))
    options = parser.parse_args()
    found = structure()
    if options.checkpoints:
        found["files_on_the_way"] = files_on_the_way(*options.checkpoints)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
