import pytest

from prox_assets.documents.formats.compression import (
    Compression,
    RowLayout,
    format_of,
    known_format,
    without_ending,
)
from prox_assets.errors import InputError

LINES = [".jsonl", ".ndjson", ".json"]
COMPRESSIONS = {"": Compression.NONE, ".gz": Compression.GZIP, ".zst": Compression.ZSTD}


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("packed", COMPRESSIONS)
@pytest.mark.parametrize("ending", LINES)
def test_lines_of_every_ending_and_spelling_are_known(ending: str, packed: str, spelling: object) -> None:
    assert callable(spelling)
    name = "c4-train.00000-of-01024" + spelling(ending + packed)
    kind = format_of(f"s3://bucket/en/{name}")
    assert kind is not None
    assert (kind.layout, kind.compression, kind.is_parquet) == (RowLayout.LINES, COMPRESSIONS[packed], False)
    assert kind.is_splittable is (packed == "")
    assert without_ending(name) == "c4-train.00000-of-01024"


@pytest.mark.parametrize("name", ["part.parquet", "part.PARQUET", "part.snappy.Parquet"])
def test_parquet_is_known_in_every_spelling(name: str) -> None:
    kind = known_format(name)
    assert (kind.layout, kind.is_parquet, kind.is_splittable) == (RowLayout.PARQUET, True, True)


@pytest.mark.parametrize("name", ["notes.txt", "x.parquet.gz", "x.gz", "jsonl", "x.jsonl.bak", "x.jsonl.bz2"])
def test_what_is_not_known_says_what_is(name: str) -> None:
    assert format_of(name) is None
    assert without_ending(name) == name
    with pytest.raises(InputError, match=r"known are \.parquet, \.jsonl, \.ndjson, \.json"):
        known_format(name)
