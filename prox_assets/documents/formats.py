"""File formats by name: the one place that knows which endings are read, and what they mean."""

import re
from dataclasses import dataclass
from enum import StrEnum

from prox_assets.errors import InputError


class Layout(StrEnum):
    """How rows stand in a file."""

    PARQUET = "parquet"
    LINES = "lines"


class Compression(StrEnum):
    """What a file as a whole is compressed with. Parquet compresses inside and counts as `NONE`."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A layout and a compression, as the `ending` of a name (in lower case) tells them."""

    ending: str
    layout: Layout
    compression: Compression = Compression.NONE

    @property
    def is_parquet(self) -> bool:
        """Tell Parquet files from files of lines."""
        return self.layout is Layout.PARQUET

    @property
    def is_splittable(self) -> bool:
        """Tell whether a reader can begin in the middle of the file."""
        return self.compression is Compression.NONE


_LINES = (".jsonl", ".ndjson", ".json")
_COMPRESSIONS = {"": Compression.NONE, ".gz": Compression.GZIP, ".zst": Compression.ZSTD}

FORMATS = (
    FileFormat(".parquet", Layout.PARQUET),
    *(
        FileFormat(lines + packed, Layout.LINES, compression)
        for lines in _LINES
        for packed, compression in _COMPRESSIONS.items()
    ),
)
_BY_ENDING = {kind.ending: kind for kind in FORMATS}
_ENDING = re.compile(rf"(?:{'|'.join(map(re.escape, _BY_ENDING))})\Z", re.IGNORECASE | re.ASCII)
#: For messages: what can be read.
KNOWN_ENDINGS = f".parquet, {', '.join(_LINES)} (also .gz and .zst)"


def format_of(name: str) -> FileFormat | None:
    """Tell a file's format from its name or place, in upper or lower case; None: it is of no known one.

    `.json` is read as lines of JSON, as C4 and others publish them.
    """
    match = _ENDING.search(name)
    return None if match is None else _BY_ENDING[match[0].lower()]


def known_format(place: str) -> FileFormat:
    """Tell the format of a file that is to be read.

    Raises:
        InputError: it is of no known one.
    """
    kind = format_of(place)
    if kind is None:
        raise InputError(f"{place}: not a file of a known format; known are {KNOWN_ENDINGS}.")
    return kind


def without_ending(name: str) -> str:
    """Strip the ending that tells the format, if there is one."""
    kind = format_of(name)
    return name if kind is None else name[: -len(kind.ending)]
