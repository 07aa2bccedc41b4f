"""How many rows are committed together: no more than asked for, nor more characters than a share of all."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Row = TypeVar("Row")

# A kill costs two ranges; of a hundred and more that is two in a hundred.
_RANGES = 100
# Under the first a range is not worth its file, over the second it is too much to hold a few of.
_LEAST, _MOST = 1_000_000, 8_000_000


def characters_per_range(shard_bytes: int) -> int:
    """How many characters a range of a shard may hold, by the size of its files.

    Files of a hundred million bytes and more have a hundred ranges at least, compressed ones more.
    """
    return min(max(shard_bytes // _RANGES, _LEAST), _MOST)


def batches(
    rows: Iterable[Row], most_rows: int, most_characters: int, size: Callable[[Row], int]
) -> Iterator[list[Row]]:
    """Cut `rows` into lists of at most `most_rows`; one ends with the row that reaches `most_characters`."""
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += size(row)
        if len(batch) == most_rows or characters >= most_characters:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
