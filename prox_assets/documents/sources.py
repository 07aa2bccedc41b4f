"""The shards of a domain: a file each, or groups of small files and pieces of large ones.

The log of a domain is a folder of numbered files, `groups/000000.json` and so on. A new file is written under
the next number only if nobody has taken that number; who comes second reads what the first wrote and decides
anew. So a file is in one group for good, whatever arrives later and whoever looks.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prox_assets.config import Columns, Input
from prox_assets.documents.discovery import HARMLESS, Skipped, SkipReason, discover, manifest_files, printable
from prox_assets.documents.files import create_json, read_json
from prox_assets.documents.filesystem import FoundFile, in_s3, measure
from prox_assets.documents.formats.compression import (
    KNOWN_ENDINGS,
    FileFormat,
    format_of,
    known_format,
    without_ending,
)
from prox_assets.documents.formats.splits import WHOLE, Split, pieces_of
from prox_assets.documents.names import count, nonempty_text, objects, plain_name, seconds
from prox_assets.documents.shards import LONGEST_NAME, ascii_name_of_shard, name_of_shard
from prox_assets.errors import InputError, StoreError


@dataclass(frozen=True, slots=True)
class Group:
    """The files of one shard, in order. `name` is a function of them."""

    name: str
    files: tuple[FoundFile, ...]


class Numbered(Protocol):
    """Where the log stands for a team: objects in S3."""

    def bring(self, folder: Path) -> set[str]:
        """Fetch what is not here yet; returns the names of all that is there."""

    def create(self, file: Path, target: Path) -> bool:
        """Store a file as `target` unless that is there already; False where it is."""


class GroupLog:
    """The groups of one domain; `records` is the folder that says which files a shard was read from."""

    def __init__(self, folder: Path, remote: Numbered | None = None, records: Path | None = None) -> None:
        self._folder = folder
        self._remote = remote
        self._records = records
        self._has_records = False

    def groups(self) -> tuple[Group, ...]:
        """All groups, in the order in which they were closed."""
        if self._remote is not None:
            there = self._remote.bring(self._folder)
            for path in self._files():
                if path.name not in there and not self._remote.create(path, path):
                    raise StoreError(f"{path}: somebody else put it into S3 at this moment; try again.")
        return tuple(group for path in self._files() for group in _read(path))

    def add(self, groups: Sequence[Group], known: int) -> bool:
        """Write groups down; False where others have come since there were `known` groups: look again."""
        if not groups:
            return True
        if len(self.groups()) != known:
            return False
        path = self._folder / f"{len(self._files()):06d}.json"
        content = {"groups": [asdict(group) for group in groups]}
        return create_json(content, path, self._remote.create if self._remote is not None else None)

    def was_read_as(self, place: str, shard: str) -> bool:
        """Tell whether a file, or its first piece, is on record as having been read into a shard."""
        if self._records is None:
            return False
        if self._remote is not None and not self._has_records:
            self._remote.bring(self._records)
            self._has_records = True
        paths = (self._records / f"{name}.json" for name in (shard, piece_name(shard, 0)))
        return any(place in _places(path) for path in paths if path.is_file())

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.json"))


def pack(files: Iterable[FoundFile], shard_bytes: int) -> tuple[list[list[FoundFile]], list[FoundFile]]:
    """Fill groups in the order of names; returns the full ones, and the open one."""
    full: list[list[FoundFile]] = []
    group: list[FoundFile] = []
    filled = 0
    for file in sorted(files, key=lambda file: (file.relative, file.place)):
        if group and filled + file.size > shard_bytes:
            full.append(group)
            group, filled = [], 0
        group.append(file)
        filled += file.size
    return full, group


def files_digest(files: Iterable[FoundFile]) -> str:
    """Eight hexadecimal digits that tell groups of one first file apart."""
    names = "\n".join(file.relative for file in files)
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def piece_name(shard: str, number: int) -> str:
    """Name a piece of a file that is shard `shard` as a whole."""
    return f"{shard}-{number:05d}"


def _places(path: Path) -> list[str]:
    remedy = "delete it, and materialize raw_documents of its shard again"
    parts = objects(read_json(path, remedy), "parts", path)
    return [nonempty_text(part.get("place"), "place", path) for part in parts]


def _read(path: Path) -> list[Group]:
    """Read an entry of the log. Others may have written it, so its names and values are checked here."""
    remedy = "restore it from another copy: it says for good which files make a shard"
    groups = []
    for entry in objects(read_json(path, remedy), "groups", path):
        files = tuple(_file(values, path) for values in objects(entry, "files", path))
        groups.append(Group(plain_name(entry.get("name"), path), files))
    return groups


def _file(values: Mapping[str, Any], path: Path) -> FoundFile:
    place, relative = (nonempty_text(values.get(name), name, path) for name in ("place", "relative"))
    if not in_s3(place) and not place.startswith("/"):
        raise StoreError(f"{path}: {place!r} is neither an absolute path nor in S3: the file is damaged.")
    return FoundFile(
        place, relative, count(values.get("size"), "size", path), seconds(values.get("modified"), path)
    )


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file, or a piece of it, and the size and time that it had when it was found."""

    place: str
    size: int
    modified: float
    piece: Split = WHOLE

    @property
    def format(self) -> FileFormat:
        """The format that the file's name tells."""
        return known_format(self.place)


@dataclass(frozen=True, slots=True)
class ShardSource:
    """The rows that make one shard: those of its parts, one after another."""

    name: str
    parts: tuple[FilePart, ...]
    columns: Columns
    max_chars: int

    @property
    def described(self) -> str:
        """Where the rows stand, for a person."""
        first, more = self.parts[0].place, len(self.parts) - 1
        return f"{first} and {more} more" if more else first


@dataclass(frozen=True, slots=True)
class Arrival:
    """How files that come are looked at by who only wants what is finished.

    `now`: seconds since 1970. `taken`: places that are read already, and join no group any more.
    """

    now: float
    taken: frozenset[str] = frozenset()


@dataclass(slots=True)
class Listing:
    """The shards of a domain by name, and the files that give none."""

    shards: list[ShardSource] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, place: str, reason: SkipReason, detail: str, shard: str = "") -> None:
        """Note why a file gives no shard."""
        self.skipped.append(Skipped(printable(place), reason, detail, shard))

    @property
    def unread(self) -> list[Skipped]:
        """The files that should have given a shard."""
        return [skipped for skipped in self.skipped if skipped.reason not in HARMLESS]


def is_unchanged(source: ShardSource) -> bool:
    """Tell whether the files of a shard are as they were when it was listed."""
    return not any(True for _ in changed_parts(source))


def changed_parts(source: ShardSource) -> Iterator[FilePart]:
    """The parts whose file is gone, or has another size or time than when it was listed."""
    now = measure([part.place for part in source.parts])
    for part in source.parts:
        found = now.get(part.place)
        same_time = found is not None and (not part.modified or found.modified == part.modified)
        if found is None or found.size != part.size or not same_time:
            yield part


def list_shards(inputs: Iterable[Input], log: GroupLog | None = None) -> tuple[ShardSource, ...]:
    """List all that can be read now, by name; groups that are not full are closed.

    Raises:
        InputError: an input has no files of a known kind, two shards would get one name, or a file cannot be
            read or split.
    """
    listing = closed_shards(inputs, log)
    for skipped in listing.unread:
        raise InputError(f"{skipped.place}: {skipped.detail}")
    return tuple(listing.shards)


def closed_shards(inputs: Iterable[Input], log: GroupLog | None = None) -> Listing:
    """List what can be read now, and what cannot; groups that are not full are closed.

    Raises:
        InputError: nothing can be read.
    """
    listing = _listing(inputs, log, None, closing=True)
    if not listing.shards:
        for skipped in listing.unread or listing.skipped:
            raise InputError(f"{skipped.place}: {skipped.detail}")
    return listing


def known_shards(inputs: Iterable[Input], log: GroupLog | None = None) -> Listing:
    """List what can be read now, without deciding on new groups."""
    return _listing(inputs, log, None, closing=False)


def arrived_shards(inputs: Iterable[Input], log: GroupLog | None, arrival: Arrival) -> Listing:
    """List what has come to rest: full or overdue groups, and no file that was changed a moment ago."""
    return _listing(inputs, log, arrival, closing=True)


def _listing(
    inputs: Iterable[Input], log: GroupLog | None, arrival: Arrival | None, closing: bool
) -> Listing:
    listing = Listing()
    for one in inputs:
        try:
            _add_input(one, listing, log, arrival, closing)
        except InputError as error:
            where = printable(str(one.path if one.path is not None else one.manifest))
            listing.skip(where, SkipReason.UNREADABLE, str(error).removeprefix(f"{where}: "))
    _refuse_same_names(listing)
    return listing


def _add_input(
    one: Input, listing: Listing, log: GroupLog | None, arrival: Arrival | None, closing: bool
) -> None:
    files = _files(one, listing)
    usable = [file for file in files if _is_usable(file, one, listing, arrival)]
    if one.shard_bytes is None:
        _add_files(usable, one, listing, log)
        return
    if log is None:
        raise InputError("shard_bytes groups files, which needs a storage to write the groups down in.")
    grouped = _add_groups(files, one, log.groups(), listing)
    rest = [file for file in usable if file.place not in grouped]
    taken = arrival.taken if arrival else frozenset()
    small = [file for file in rest if file.size <= one.shard_bytes and file.place not in taken]
    single = [file for file in rest if file.size > one.shard_bytes or file.place in taken]
    _add_files(single, one, listing, log)
    if closing:
        _close_groups([file for file in small if file.size], one, log, listing, arrival)


def _files(one: Input, listing: Listing) -> list[FoundFile]:
    if one.manifest is not None:
        return manifest_files(one.manifest, listing.skipped)
    assert one.path is not None, "an input has a path or a manifest"
    discovery = discover(one.path)
    listing.skipped += discovery.skipped
    return list(discovery.files)


def _is_usable(file: FoundFile, one: Input, listing: Listing, arrival: Arrival | None) -> bool:
    objection = _objection(file, one, arrival)
    if objection is not None:
        listing.skip(file.place, *objection)
    return objection is None


def _objection(file: FoundFile, one: Input, arrival: Arrival | None) -> tuple[SkipReason, str] | None:
    if format_of(file.name) is None:
        return SkipReason.UNKNOWN_KIND, f"not {KNOWN_ENDINGS}"
    if not _is_utf8(file.place):
        return SkipReason.NO_NAME, "the name is not UTF-8, which records and partitions need; rename the file"
    if not 0 < len(shard_name(file, one)) <= LONGEST_NAME:
        return SkipReason.NO_NAME, f"a shard's name has 1 to {LONGEST_NAME} characters; rename the file"
    if arrival is None:
        return None
    if file.size == 0:
        return SkipReason.EMPTY, "the file has no bytes"
    if arrival.now - file.modified < one.settle_seconds:
        return SkipReason.SETTLING, f"changed less than {one.settle_seconds} s ago"
    return None


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shard_name(file: FoundFile, one: Input) -> str:
    """Name a file's shard: by the file without its ending, and with the prefix of its input."""
    return name_of_shard(_full_name(file, one))


def _full_name(file: FoundFile, one: Input) -> str:
    path = file.name if one.named_by == "file" else file.relative.lstrip("/").replace("/", ".")
    return one.prefix + without_ending(path)


def _name_on_record(file: FoundFile, one: Input, log: GroupLog | None) -> str:
    """Name a file's shard; a file that was read under its name of ASCII characters alone keeps that."""
    name, former = shard_name(file, one), ascii_name_of_shard(_full_name(file, one))
    if name != former and log is not None and log.was_read_as(file.place, former):
        return former
    return name


def _add_files(files: Iterable[FoundFile], one: Input, listing: Listing, log: GroupLog | None) -> None:
    for file in files:
        name = _name_on_record(file, one, log)
        try:
            pieces = pieces_of(file, one.rows_per_shard, one.shard_bytes)
        except InputError as error:
            kind = SkipReason.UNREADABLE if known_format(file.name).is_parquet else SkipReason.UNSPLITTABLE
            listing.skip(file.place, kind, str(error), name)
            continue
        for number, piece in enumerate(pieces):
            part = FilePart(file.place, file.size, file.modified, piece)
            shard = name if piece == WHOLE else piece_name(name, number)
            listing.shards.append(ShardSource(shard, (part,), one.columns, one.max_chars))


def _add_groups(
    files: Sequence[FoundFile], one: Input, groups: Iterable[Group], listing: Listing
) -> set[str]:
    """Add the groups that this input's files are in; returns the places of all grouped files."""
    now: Mapping[str, FoundFile] = {file.place: file for file in files}
    grouped: set[str] = set()
    for group in groups:
        places = [file.place for file in group.files]
        grouped.update(places)
        if any(place in now for place in places):
            if all(place in now for place in places):  # others may have written the log: nothing else is read
                listing.shards.append(_group_source(group, one, now))
            for place in places:
                if place not in now:
                    detail = f"it belongs to shard {group.name} and is gone; put it back"
                    listing.skip(place, SkipReason.MISSING, detail, group.name)
    return grouped


def _group_source(group: Group, one: Input, now: Mapping[str, FoundFile]) -> ShardSource:
    found = [now.get(file.place, file) for file in group.files]
    parts = tuple(FilePart(file.place, file.size, file.modified) for file in found)
    return ShardSource(group.name, parts, one.columns, one.max_chars)


def _close_groups(
    files: list[FoundFile], one: Input, log: GroupLog, listing: Listing, arrival: Arrival | None
) -> None:
    full, tail = pack(files, one.shard_bytes or 0)
    first = min((file.modified for file in tail), default=0.0)
    overdue = arrival is None or arrival.now - first >= one.group_wait
    if tail and overdue:
        full.append(tail)
    groups = [Group(_group_name(members, one), tuple(members)) for members in full]
    if not log.add(groups, len(log.groups())):
        raise InputError("somebody else is closing groups at this moment; try again.")
    now = {file.place: file for file in files}
    listing.shards += [_group_source(group, one, now) for group in groups]
    for file in () if overdue else tail:
        detail = f"its group is not full; it is closed {one.group_wait} s after its first file came"
        listing.skip(file.place, SkipReason.WAITING, detail)


def _group_name(members: Sequence[FoundFile], one: Input) -> str:
    return f"{shard_name(members[0], one)}.{len(members)}-files.{files_digest(members)}"


def _refuse_same_names(listing: Listing) -> None:
    """Keep the first of each name; the others are skipped."""
    seen: dict[str, str] = {}
    kept: list[ShardSource] = []
    for source in sorted(listing.shards, key=lambda source: source.name):
        place = source.parts[0].place
        if source.name in seen:
            other = printable(seen[source.name])
            detail = (
                f"{other} is shard {source.name!r} too: give one of their inputs a prefix in the catalogue, "
                "set named_by: path, or rename one of the files."
            )
            listing.skip(place, SkipReason.SAME_NAME, detail, source.name)
        else:
            seen[source.name] = place
            kept.append(source)
    listing.shards[:] = kept
