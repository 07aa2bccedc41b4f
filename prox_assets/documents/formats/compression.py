"""File formats by name, and decompression that never takes a cut or damaged stream for a whole one.

Both formats let several streams follow one another in a file (gzip's members, Zstandard's frames). A file is
sound when it ends where one of them ends; anything else is an error that names the file.
"""

import gzip
import io
import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import zstandard

from prox_assets.errors import InputError


class RowLayout(StrEnum):
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
    layout: RowLayout
    compression: Compression = Compression.NONE

    @property
    def is_parquet(self) -> bool:
        """Tell Parquet files from files of lines."""
        return self.layout is RowLayout.PARQUET

    @property
    def is_splittable(self) -> bool:
        """Tell whether a reader can begin in the middle of the file."""
        return self.compression is Compression.NONE


_LINES = (".jsonl", ".ndjson", ".json")
_COMPRESSIONS = {"": Compression.NONE, ".gz": Compression.GZIP, ".zst": Compression.ZSTD}

FORMATS = (
    FileFormat(".parquet", RowLayout.PARQUET),
    *(
        FileFormat(lines + packed, RowLayout.LINES, compression)
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


# The longest window there is (`zstd --ultra --long=31`); a decoder holds as much of the text in memory.
_LONGEST_WINDOW = 1 << 31
# Four bytes may decompress to a block of 128 KiB, so this much input yields at most 64 MiB at a time.
_INPUT_BYTES = 2_048
_OUTPUT_BYTES = 1 << 16
_LONGEST_FRAME_HEADER = 18
_AS_OF_A_DICTIONARY = "Data corruption detected"


def decompressed(place: str, compression: Compression, file: io.BufferedReader) -> io.BufferedReader:
    """Open the decompressed bytes of `file`; memory is bounded, whatever its bytes expand to.

    `place` names the file in errors. gzip's padding with NUL bytes is no data, as gzip itself has it.

    Raises:
        InputError: now or while it is read: the file ends inside a stream or holds none, a block or checksum
            is wrong, bytes follow that are no stream, or a Zstandard window does not fit into memory.
    """
    if compression is Compression.NONE:
        return file
    if not file.peek(1):
        raise _damaged(place, f"it has no bytes, and {compression.value} data begins with a header")
    streams = _GzipMembers if compression is Compression.GZIP else _ZstandardFrames
    return io.BufferedReader(streams(place, file), _OUTPUT_BYTES)


def _damaged(place: str, reason: str) -> InputError:
    return InputError(f"{place}: the file is damaged ({reason}); replace it.")


class _GzipMembers(io.RawIOBase):
    """The decompressed members of a gzip file, one after another."""

    def __init__(self, place: str, file: io.BufferedReader) -> None:
        self._place = place
        self._members = gzip.GzipFile(fileobj=file)
        self._in_first = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._members.read(len(buffer))
        except EOFError as error:
            raise _damaged(self._place, "its gzip data ends early: it was cut short") from error
        except gzip.BadGzipFile as error:
            raise _damaged(self._place, self._reason(str(error))) from error
        except zlib.error as error:
            raise _damaged(self._place, f"a block of its gzip data is broken: {error}") from error
        self._in_first = self._in_first and not data
        buffer[: len(data)] = data
        return len(data)

    def _reason(self, error: str) -> str:
        if not error.startswith("Not a gzipped file"):
            return error
        return (
            "it is not gzip data" if self._in_first else "bytes that are not gzip data follow its gzip data"
        )


class _ZstandardFrames(io.RawIOBase):
    """The decompressed frames of a Zstandard file, one after another; skippable frames have no data."""

    def __init__(self, place: str, file: io.BufferedReader) -> None:
        self._place = place
        self._file = file
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_LONGEST_WINDOW)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._header = b""
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        filled = 0
        while filled < len(buffer) and (self._output or self._fill()):
            count = min(len(buffer) - filled, len(self._output))
            buffer[filled : filled + count] = self._output[:count]
            self._output = self._output[count:]
            filled += count
        return filled

    def _fill(self) -> bool:
        """Decompress the next input that has output; False at the end of the file."""
        while not self._output:
            self._input = self._input or self._file.read(_INPUT_BYTES)
            if self._input:
                self._output = memoryview(self._decompress())
            elif self._frame is not None:
                raise _damaged(self._place, "its Zstandard data ends early: it was cut short")
            else:
                return False
        return True

    def _decompress(self) -> bytes:
        """Hand the input to the frame that it belongs to; what is behind the frame's end stays input."""
        if self._frame is None:
            self._frame, self._header = self._decompressor.decompressobj(), b""
        if len(self._header) < _LONGEST_FRAME_HEADER:
            self._header = (self._header + self._input)[:_LONGEST_FRAME_HEADER]
        try:
            output = self._frame.decompress(self._input)
        except (zstandard.ZstdError, MemoryError) as error:
            raise self._refusal(error) from error
        self._input = self._frame.unused_data if self._frame.eof else b""
        self._frame = None if self._frame.eof else self._frame
        return output

    def _refusal(self, error: Exception) -> InputError:
        reason = str(error).rpartition("error: ")[2]
        if isinstance(error, MemoryError) or "memory" in reason:
            return InputError(
                f"{self._place}: its Zstandard data needs more memory for its window than there is, or than "
                "2 GiB; compress it again with a smaller --long."
            )
        try:
            frame = zstandard.get_frame_parameters(self._header)
        except zstandard.ZstdError:
            return _damaged(self._place, f"bytes that are not Zstandard data: {reason}")
        if frame.dict_id:
            return InputError(
                f"{self._place}: this needs the Zstandard dictionary {frame.dict_id}, and dictionaries are "
                "not supported; compress it again without one."
            )
        if reason == _AS_OF_A_DICTIONARY:
            reason = f"{reason}, or it was compressed with a dictionary, which is not supported"
        return _damaged(self._place, f"its Zstandard data: {reason}")
