"""How a shard is cut into committed ranges."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from prox_assets.config import Input
from prox_assets.documents.ingest import ingest
from prox_assets.documents.sources import list_shards
from prox_assets.documents.store import Store
from prox_assets.documents.writer import batches, characters_per_range
from prox_assets_tests.documents.test_ingest import COLUMNS, _write


@given(st.lists(st.text(max_size=30)), st.integers(1, 8), st.integers(1, 50))
def test_ranges_hold_all_rows_in_order_within_their_bounds(rows: list[str], most: int, size: int) -> None:
    found = list(batches(rows, most, size, len))
    assert [row for batch in found for row in batch] == rows
    assert all(0 < len(batch) <= most for batch in found)
    assert all(sum(map(len, batch[:-1])) < size for batch in found)


def test_large_shards_have_a_hundred_ranges_at_least() -> None:
    assert characters_per_range(0) == characters_per_range(50_000_000) == 1_000_000
    assert characters_per_range(500_000_000) == 5_000_000
    assert characters_per_range(10**12) == 8_000_000


def test_long_documents_make_short_ranges(tmp_path: Path) -> None:
    long = b'{"key": "%d", "body": "' + b"a" * 600_000 + b'"}'
    _write(tmp_path / "in", "s.jsonl", [long % number for number in range(6)])
    (source,) = list_shards([Input(path=tmp_path / "in", columns=COLUMNS)])
    finished = ingest(source, Store(tmp_path / "out"), "web", 256, lambda rows: None)
    assert [rows.stop - rows.start for rows in finished.ranges] == [2, 2, 2]
    assert finished.rows == 6
