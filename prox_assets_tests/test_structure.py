"""The package stays as few, as deep and as plainly named as ARCHITECTURE.md says."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def structure() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("structure", BENCHMARKS / "structure.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.structure()
    return found


def test_the_structure_keeps_to_its_limits() -> None:
    found = structure()
    assert found["modules"] <= 190
    assert found["folder_median"] <= 8 and max(found["largest_folders"].values()) <= 14
    assert max(found["longest"].values()) <= 450
    assert found["circles"] == []
    assert found["repeated_classes"] == {}
