"""The files that an input names: paths, folders, globs and manifests; what is left out has a reason.

A location that exists is taken literally, whatever characters its name has. Only where nothing of that name
exists is it a glob: `*` and `?` stay inside one folder, `[…]` is one of these characters, `**` any number of
folders. Explicitly named files are always read. Folder and glob listings leave out names that begin with `.`
or `_`, as those of unfinished files do, except `key=value` folders and where a pattern itself begins so.
"""

import codecs
import fnmatch
import json
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from prox_assets.config.inputs import S3_SCHEME
from prox_assets.documents.filesystem import (
    FoundFile,
    found_object,
    in_s3,
    measure,
    measured,
    opened,
    s3_file_system,
)
from prox_assets.documents.formats.compression import KNOWN_ENDINGS, format_of
from prox_assets.errors import InputError


class SkipReason(StrEnum):
    """What keeps a file from being read. docs/storage.md says what to do about each."""

    UNKNOWN_KIND = "unknown_kind"
    HIDDEN = "hidden"
    FOLDER = "folder"
    NO_NAME = "no_name"
    SAME_NAME = "same_name"
    EMPTY = "empty"
    SETTLING = "settling"
    WAITING = "waiting"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    UNSPLITTABLE = "unsplittable"
    CHANGED = "changed"
    READ_ALREADY = "read_already"
    FAILED = "failed"


#: These pass by themselves, or are nobody's mistake.
HARMLESS = frozenset(
    {
        SkipReason.UNKNOWN_KIND,
        SkipReason.HIDDEN,
        SkipReason.FOLDER,
        SkipReason.EMPTY,
        SkipReason.SETTLING,
        SkipReason.WAITING,
    }
)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a whole input, that gives no shard now. `shard` is the name that it would have."""

    place: str
    reason: SkipReason
    detail: str
    shard: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason.value}: {self.detail}"


def printable(name: str) -> str:
    """Show a file's name on one line of any terminal: bytes that are no UTF-8, and controls, as escapes."""
    if name.isprintable():
        return name
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "backslashreplace")
    shown = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Zl", "Zp")
        else character
        for character in shown
    )


_LINE_END = re.compile(r"\r\n|\n|\r")
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def manifest_files(manifest: Path | str, skipped: list[Skipped]) -> list[FoundFile]:
    """Read a manifest; a line that is none, and a file that is not there, are added to `skipped`.

    A line is a path or `s3://…`, or an object with `path` and, if it is known, `size` in bytes; then the file
    is not asked for. Relative paths are relative to the manifest. Blank lines and `#` comments are left out.
    The text is UTF-8, or UTF-16 or UTF-32 with a byte order mark; lines end as on any system.

    Raises:
        InputError: the manifest itself cannot be read, or lists no file.
    """
    shown = printable(str(manifest))
    entries: dict[str, tuple[str, int | None]] = {}
    for number, line in _lines(str(manifest)):
        try:
            listed, size = _entry(line)
        except InputError as error:
            skipped.append(Skipped(f"{shown}, line {number}", SkipReason.UNREADABLE, str(error)))
            continue
        entries[_place(listed, str(manifest))] = listed, size
    if not entries:
        raise InputError(f"{shown}: this manifest lists no file; write a path or s3://… on each line.")
    found = measure([place for place, (_, size) in entries.items() if size is None])
    files = []
    for place, (listed, size) in entries.items():
        file = found.get(place) if size is None else FoundFile(place, listed, size, 0.0)
        if file is None:
            detail = f"listed in {shown}, and there is no such file"
            skipped.append(Skipped(printable(place), SkipReason.MISSING, detail))
        else:
            relative = listed.removeprefix(S3_SCHEME)
            files.append(FoundFile(place, relative, file.size, file.modified))
    return sorted(files, key=lambda file: file.place)


def _lines(manifest: str) -> list[tuple[int, str]]:
    try:
        with opened(manifest) as file:
            content = file.read()
        text = content.decode(marked_encoding(content))
    except (OSError, UnicodeDecodeError) as error:
        shown = printable(manifest)
        raise InputError(
            f"{shown}: this manifest cannot be read ({error}); correct it, or write it as UTF-8."
        ) from error
    lines = enumerate((line.strip(" \t") for line in _LINE_END.split(text)), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def marked_encoding(content: bytes) -> str:
    """The encoding that a byte order mark names, else UTF-8: editors save text files in those."""
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")


def _entry(line: str) -> tuple[str, int | None]:
    if not line.startswith("{"):
        return line, None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f'not JSON ({error}); write {{"path": …, "size": …}}') from error
    path, size = value.get("path"), value.get("size")
    if not isinstance(path, str) or not path or not _is_size(size):
        raise InputError('write {"path": a text, "size": bytes}')
    return path, size


def _is_size(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _place(listed: str, manifest: str) -> str:
    if in_s3(listed):
        return listed
    if in_s3(manifest):
        return f"{manifest.rsplit('/', 1)[0]}/{listed}"
    return str(Path(manifest).parent / listed)


_HIDDEN = (".", "_")
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Discovery:
    """Files of whatever kind, by place, and what was left out."""

    files: tuple[FoundFile, ...]
    skipped: tuple[Skipped, ...] = ()


def discover(where: Path | str) -> Discovery:
    """Find the files that a location names; `where` is a path, or `s3://bucket/…`.

    Raises:
        InputError: the location cannot be listed, or has no file of a known format; says what was there.
    """
    shown = printable(str(where))
    try:
        found = _discover_in_s3(where) if isinstance(where, str) else _discover_here(where)
    except FileNotFoundError as error:
        missing = f"{printable(os.fsdecode(error.filename))} is missing" if error.filename else error
        raise InputError(f"{shown}: there is no such file or folder ({missing}); correct it.") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{shown}: this cannot be listed ({printable(str(error))}); correct it, or try again."
        ) from error
    if not any(format_of(file.name) for file in found.files):
        raise InputError(f"{shown}: no files ending in {KNOWN_ENDINGS} here; {_what_is_there(found)}.")
    return found


def _what_is_there(found: Discovery) -> str:
    folders = [entry for entry in found.skipped if entry.reason is SkipReason.FOLDER]
    listed = [printable(file.relative) for file in found.files]
    listed += [f"{entry.place.rsplit('/', 1)[-1]}/" for entry in folders]
    hidden = sum(entry.reason is SkipReason.HIDDEN for entry in found.skipped)
    said = f"it has {_some(listed)}" if listed else "nothing else either"
    if hidden:
        said += f", and {hidden:,} that begin with . or _ (name them one by one to read them)"
    remedy = "folders below are read with /**/* at the end" if folders else "correct the input's path"
    return f"{said}; {remedy}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What stands in a folder; `file` is None for folders and for what can be no input."""

    path: str
    is_folder: bool
    file: FoundFile | None = None
    is_link: bool = False

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_hidden(self) -> bool:
        return self.name.startswith(_HIDDEN) and not (self.is_folder and "=" in self.name)


class _Tree(Protocol):
    """Folders below a base, each by its path relative to it; the base itself is ''."""

    def place(self, path: str) -> str: ...
    def entries(self, folder: str) -> Sequence[_Entry]: ...


class _LocalTree:
    def __init__(self, base: Path) -> None:
        self._base = base.absolute()
        self._read: dict[str, Sequence[_Entry]] = {}

    def place(self, path: str) -> str:
        return str(self._base / path)

    def entries(self, folder: str) -> Sequence[_Entry]:
        if folder not in self._read:
            with os.scandir(self._base / folder) as listed:
                names = sorted(entry.name for entry in listed)
            self._read[folder] = [self._entry(f"{folder}/{name}" if folder else name) for name in names]
        return self._read[folder]

    def _entry(self, path: str) -> _Entry:
        whole = self._base / path
        file = measured(whole, path)
        try:
            is_folder = file is None and whole.is_dir()
        except OSError:
            is_folder = False
        return _Entry(path, is_folder, file, is_link=is_folder and whole.is_symlink())


class _S3Tree:
    def __init__(self, base: str, *, deep: bool) -> None:
        from pyarrow import fs

        self._base = base
        self._entries: dict[str, dict[str, _Entry]] = defaultdict(dict)
        for info in s3_file_system().get_file_info(fs.FileSelector(base, recursive=deep)):
            self._add(info.path.removeprefix(f"{base}/"), found_object(info, base))

    def _add(self, path: str, file: FoundFile | None) -> None:
        folder = path.rpartition("/")[0]
        if file is not None or path not in self._entries[folder]:
            self._entries[folder][path] = _Entry(path, is_folder=file is None, file=file)
        if folder:
            self._add(folder, None)

    def place(self, path: str) -> str:
        return f"{S3_SCHEME}{self._base}/{path}"

    def entries(self, folder: str) -> Sequence[_Entry]:
        return list(self._entries[folder].values())


def _discover_here(where: Path) -> Discovery:
    if _exists(where):
        if where.is_dir():
            return _listed(_LocalTree(where), ("*",))
        file = measured(where) if where.is_file() else None
        if file is None:
            raise ValueError("neither a file nor a folder")
        return Discovery((file,))
    base, parts = Path(where.anchor), where.parts[1:] if where.anchor else where.parts
    wild = _first_pattern(parts, lambda literal: _exists(base.joinpath(*literal)))
    if wild is None:
        raise FileNotFoundError(_nearest(where))
    return _listed(_LocalTree(base.joinpath(*parts[:wild])), parts[wild:])


def _discover_in_s3(where: str) -> Discovery:
    from pyarrow import fs

    parts = tuple(where.removeprefix(S3_SCHEME).rstrip("/").split("/"))
    info = s3_file_system().get_file_info("/".join(parts))
    if info.type == fs.FileType.File:
        file = found_object(info, "")
        return Discovery((file,) if file is not None else ())

    def exists(literal: Sequence[str]) -> bool:
        there: bool = s3_file_system().get_file_info("/".join(literal)).type != fs.FileType.NotFound
        return there

    wild = None if info.type == fs.FileType.Directory else _first_pattern(parts, exists)
    if wild is None:
        return _listed(_S3Tree("/".join(parts), deep=False), ("*",))
    deep = len(parts) - wild > 1 or "**" in parts[wild:]
    return _listed(_S3Tree("/".join(parts[:wild]), deep=deep), parts[wild:])


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _nearest(where: Path) -> str:
    """Say what stands in the deepest folder of a path that exists."""
    folder = next((parent for parent in where.absolute().parents if parent.is_dir()), Path("/"))
    names = sorted(printable(entry.name) + ("/" if entry.is_dir() else "") for entry in folder.iterdir())
    return f"{printable(str(folder))} has {_some(names) if names else 'nothing in it'}"


class _Exists(Protocol):
    def __call__(self, literal: Sequence[str], /) -> bool: ...


def _first_pattern(parts: Sequence[str], exists: _Exists) -> int | None:
    """Find the first part with wildcards of which nothing has the exact name."""
    for number, part in enumerate(parts):
        if any(sign in part for sign in "*?[") and not exists(parts[: number + 1]):
            return number
    return None


@dataclass(slots=True)
class _Walk:
    """What a walk through a tree has come upon so far, by place."""

    files: dict[str, FoundFile] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)


def _listed(tree: _Tree, pattern: Sequence[str]) -> Discovery:
    walk = _Walk()
    start = ("", tuple(pattern), False)
    pending, seen = [start], {start}
    while pending:
        folder, parts, below = pending.pop()
        for step in _step(tree, walk, folder, parts, below=below):
            if step not in seen:
                seen.add(step)
                pending.append(step)
    files = sorted(walk.files.values(), key=lambda file: file.place)
    skipped = sorted(walk.skipped.values(), key=lambda entry: entry.place)
    return Discovery(tuple(files), tuple(skipped))


_Step = tuple[str, tuple[str, ...], bool]


def _step(tree: _Tree, walk: _Walk, folder: str, parts: tuple[str, ...], *, below: bool) -> Iterable[_Step]:
    """Match one folder against the first of `parts`; `below`: a `**` stood before it."""

    def skip(entry: _Entry, reason: SkipReason, detail: str) -> None:
        place = tree.place(entry.path)
        walk.skipped[place] = Skipped(printable(place), reason, detail)

    part, rest = parts[0], parts[1:]
    try:
        entries = tree.entries(folder)
    except OSError as error:
        if not folder:
            raise
        reason = f"this folder cannot be listed ({error.strerror or error})"
        skip(_Entry(folder, is_folder=True), SkipReason.UNREADABLE, reason)
        return
    if part == "**":
        yield folder, rest or ("*",), True
    for entry in entries:
        if not _matches(entry, part, leads_on=bool(rest)):
            continue
        if entry.is_hidden and not part.startswith(_HIDDEN):
            skip(entry, SkipReason.HIDDEN, "the name begins with . or _, as those of unfinished files do")
        elif part == "**":
            yield entry.path, parts, True
        elif rest:
            yield entry.path, rest, below
        elif entry.file is not None:
            walk.files[entry.file.place] = entry.file
        elif not entry.is_folder:
            skip(entry, SkipReason.MISSING, "no file: a link to nothing, or a device")
        elif not below:
            skip(
                entry, SkipReason.FOLDER, "a folder, which is not looked into; /**/* at the end of a path is"
            )


def _matches(entry: _Entry, part: str, *, leads_on: bool) -> bool:
    """Match a name. Only folders lead on to further parts; `**` follows no links, which may be circular."""
    if part == "**":
        return entry.is_folder and not entry.is_link
    return (entry.is_folder or not leads_on) and _pattern(part).match(entry.name) is not None


@lru_cache(maxsize=256)
def _pattern(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
