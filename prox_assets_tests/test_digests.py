"""A fixed small catalogue gives the bytes that are on record."""

import json
from pathlib import Path

import pytest

from prox_assets_tests.digests import RECORDED, digests


@pytest.mark.slow
def test_every_parquet_file_has_the_bytes_on_record(tmp_path: Path) -> None:
    recorded, found = json.loads(RECORDED.read_text()), digests(tmp_path)
    changed = [path for path in sorted(recorded | found) if recorded.get(path) != found.get(path)]
    assert changed == [], "meant to change? then record them: see prox_assets_tests/digests.py"
