"""The import rules of ARCHITECTURE.md: downwards only, and light where a bare GPU machine must follow."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "prox_assets"

FLOORS = {
    "demo": 9,
    "definitions": 8,
    "cli": 8,
    "defs": 7,
    "evaluation": 6,
    "review": 6,
    "publishing": 6,
    "refining": 5,
    "teacher": 4,
    "refiner": 4,
    "quality": 4,
    "baselines": 4,
    "sample": 4,
    "documents": 3,
    "programs": 2,
    "inference": 1,
    "chunking": 1,
    "config": 1,
    "terminal": 1,
    "languages": 0,
    "arrays": 0,
    "errors": 0,
}

BARE = ("programs", "chunking", "inference", "documents", "refiner", "refining")


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "prox_assets":
                yield from (f"prox_assets.{alias.name}" for alias in node.names)


def test_every_room_has_a_floor() -> None:
    assert {room for room, _ in _modules()} <= set(FLOORS)


def test_imports_run_downwards_only() -> None:
    wrong = []
    for room, path in _modules():
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "prox_assets" or len(parts) < 2:
                continue
            other = parts[1]
            if other != room and FLOORS[other] >= FLOORS[room]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


def test_what_a_gpu_machine_runs_needs_neither_dagster_nor_polars() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for room, path in _modules()
        if room in BARE
        for name in _imports(path)
        if name.split(".")[0] in ("dagster", "polars")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("prox_assets.definitions", ("torch", "transformers", "vllm", "great_expectations", "matplotlib")),
        ("prox_assets.cli", ("dagster", "torch", "transformers", "great_expectations", "matplotlib")),
        ("prox_assets.refining.stages", ("dagster", "polars", "torch", "transformers")),
    ],
)
def test_heavy_libraries_wait_until_they_are_used(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*[name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
