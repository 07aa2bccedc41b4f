"""What a code location costs to load is paid again by every run and every step process."""

import json
import subprocess
import sys

HEAVY = {
    *("torch", "transformers", "vllm", "great_expectations", "matplotlib", "sklearn", "duckdb", "polars"),
    *("dagster_aws", "boto3", "pandas", "datasets", "openai", "ray"),
}
_LOAD = """
import json, sys
import prox_assets.definitions
print(json.dumps(sorted({module.split(".")[0] for module in sys.modules})))
"""


def test_the_code_location_loads_no_library_that_only_some_steps_need() -> None:
    """Below two seconds as long as this holds; benchmarks/code_location.py measures it."""
    loaded = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True).stdout
    modules = set(json.loads(loaded))
    assert modules & HEAVY == set()
    assert {"dagster", "pyarrow", "prox_assets"} <= modules
