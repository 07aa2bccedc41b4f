"""Where the real pages with people's labels lie; they are no part of the project."""

import os
from pathlib import Path

import pytest


def real_data() -> Path:
    """The folder of the pages, from PROX_REAL_DATA or beside the repository; the test is skipped without."""
    folder = Path(os.environ.get("PROX_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "webdocs.parquet").is_file():
        pytest.skip(f"the real pages are not at {folder}; PROX_REAL_DATA says where they are")
    return folder
