"""Which shards a domain has: one for each input file, or several where a file is to be split."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from prox_assets.config import Columns, Input
from prox_assets.errors import InputError

ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class ShardSource:
    """The rows of one file that make one shard. `row_stop` None means to the end of the file."""

    name: str
    path: Path
    columns: Columns
    max_chars: int
    row_start: int = 0
    row_stop: int | None = None


def list_shards(inputs: Iterable[Input]) -> tuple[ShardSource, ...]:
    """List the shards of a domain's inputs, by name.

    Raises:
        InputError: an input has no files of a known kind, or two shards would get one name.
    """
    sources = [source for one in inputs for source in _sources_of(one)]
    seen: dict[str, Path] = {}
    for source in sources:
        if source.name in seen:
            raise InputError(
                f"{seen[source.name]} and {source.path} would both be shard {source.name!r}: "
                "give one of their inputs a prefix in the catalogue."
            )
        seen[source.name] = source.path
    return tuple(sorted(sources, key=lambda source: source.name))


def _sources_of(one: Input) -> Iterator[ShardSource]:
    files = _files(one.path)
    if not files:
        raise InputError(
            f"{one.path}: no files ending in {', '.join(ENDINGS)} here; correct the input's path."
        )
    for path in files:
        name = _FORBIDDEN.sub("_", one.prefix + _stem(path))
        for suffix, start, stop in _splits(path, one.rows_per_shard):
            yield ShardSource(name + suffix, path, one.columns, one.max_chars, start, stop)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        candidates: Iterable[Path] = path.iterdir()
    else:
        root = Path(path.anchor or ".")
        candidates = root.glob(str(path.relative_to(path.anchor)))
    return sorted(file for file in candidates if file.is_file() and file.name.endswith(ENDINGS))


def _stem(path: Path) -> str:
    return next(path.name.removesuffix(ending) for ending in ENDINGS if path.name.endswith(ending))


def _splits(path: Path, rows_per_shard: int | None) -> Iterator[tuple[str, int, int | None]]:
    if rows_per_shard is None:
        yield "", 0, None
        return
    if path.suffix != ".parquet":
        raise InputError(
            f"{path}: rows_per_shard splits Parquet files only; split this file, or drop the key."
        )
    rows = pq.read_metadata(path).num_rows
    for number, start in enumerate(range(0, rows, rows_per_shard)):
        yield f"-{number:05d}", start, min(start + rows_per_shard, rows)
