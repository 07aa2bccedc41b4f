"""Which files a shard was read from: what names their content, and what shows later that they changed."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from prox_assets.documents.files import file_fingerprint, fingerprint, read_json
from prox_assets.documents.filesystem import entity_tag, in_s3
from prox_assets.documents.formats.readers import line_blocks
from prox_assets.documents.formats.splits import Split
from prox_assets.documents.names import count, nonempty_text, objects, seconds, section
from prox_assets.documents.sources import FilePart, ShardSource


@dataclass(frozen=True, slots=True)
class ReadPart:
    """What was read of a file into a shard, and the size and time that the file had."""

    shard: str
    size: int
    modified: float
    piece: Split

    def is_of(self, part: FilePart) -> bool:
        """Tell whether the file is as it was when it was read; a time that a manifest leaves out is any."""
        return self.size == part.size and (not part.modified or self.modified in (0.0, part.modified))


def source_record(source: ShardSource) -> dict[str, Any]:
    """What is stored beside a shard of raw documents: places, sizes and times, nothing secret."""
    return {"parts": [asdict(part) for part in source.parts]}


def read_parts(files: Iterable[tuple[str, Path]]) -> Mapping[str, tuple[ReadPart, ...]]:
    """What is known of the files that shards were read from, by place; `files`: shards and their records."""
    found: dict[str, list[ReadPart]] = {}
    for shard, path in files:
        for place, size, modified, piece in _recorded(path, path.stat().st_mtime_ns):
            found.setdefault(place, []).append(ReadPart(shard, size, modified, piece))
    return {place: tuple(parts) for place, parts in found.items()}


@lru_cache(maxsize=100_000)
def _recorded(path: Path, written: int) -> tuple[tuple[str, int, float, Split], ...]:
    """A record is read once in a process, unless it was `written` anew."""
    del written
    parts = objects(
        read_json(path, "delete it, and materialize raw_documents of its shard again"), "parts", path
    )
    return tuple(
        (
            nonempty_text(part.get("place"), "place", path),
            count(part.get("size"), "size", path),
            seconds(part.get("modified"), path),
            _piece(section(part, "piece", path), path),
        )
        for part in parts
    )


def _piece(values: Mapping[str, Any], path: Path) -> Split:
    def stop(name: str) -> int | None:
        return None if values.get(name) is None else count(values[name], name, path)

    return Split(
        count(values.get("row_start"), "row_start", path),
        stop("row_stop"),
        count(values.get("byte_start"), "byte_start", path),
        stop("byte_stop"),
    )


def part_fingerprint(part: FilePart) -> str:
    """Name the content of a part: by the tag that S3 gives an object, or by the bytes of a file."""
    if in_s3(part.place):
        return fingerprint({"tag": entity_tag(part.place), "size": part.size, **asdict(part.piece)})
    if part.piece.byte_stop is None:
        return file_fingerprint(Path(part.place))
    if part.format.is_parquet:
        return fingerprint({"bytes": _bytes_digest(part), **asdict(part.piece)})
    return fingerprint({"lines": _lines_digest(part)})


def _lines_digest(part: FilePart) -> str:
    digest = hashlib.sha256()
    for block in line_blocks(part):
        digest.update(block)
    return digest.hexdigest()


def _bytes_digest(part: FilePart) -> str:
    digest = hashlib.sha256()
    left = (part.piece.byte_stop or 0) - part.piece.byte_start
    with Path(part.place).open("rb") as file:
        file.seek(part.piece.byte_start)
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()
