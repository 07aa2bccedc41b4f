"""What is new among a domain's inputs: shards to be read, and files that are not, each with a reason."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prox_assets.config import Input
from prox_assets.documents.discovery import Reason, Skipped
from prox_assets.documents.filesystem import FoundFile
from prox_assets.documents.formats.readers import missing_columns
from prox_assets.documents.formats.splits import footer
from prox_assets.documents.provenance import ReadPart
from prox_assets.documents.sources import Arrival, GroupLog, Listing, ShardSource, arrived_shards
from prox_assets.errors import InputError

Reads = Mapping[str, tuple[ReadPart, ...]]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """`new`: shards that nobody has asked for, by name. `shards` counts all that are there."""

    shards: int
    new: tuple[ShardSource, ...]
    skipped: tuple[Skipped, ...]


def arrivals(
    inputs: Iterable[Input], log: GroupLog, now: float, reads: Reads, asked: frozenset[str]
) -> Arrivals:
    """Look at the inputs of a domain at `now`, seconds since 1970.

    `reads`: what was read of each place. `asked`: the shards that are read, or that somebody asked for.
    """
    listing = arrived_shards(inputs, log, Arrival(now, frozenset(reads)))
    skipped = [*listing.skipped, *_changed(listing, reads)]
    changed = {one.place for one in skipped if one.reason is Reason.CHANGED}
    new: list[ShardSource] = []
    for source in listing.shards:
        if source.name in asked or any(part.place in changed for part in source.parts):
            continue
        again = _read_elsewhere(source, reads)
        if again is None:
            new.append(source)
        else:
            skipped.append(again)
    return Arrivals(len(listing.shards), tuple(new), tuple(skipped))


def objection_to(source: ShardSource) -> Skipped | None:
    """Look into the Parquet footers of a new shard: they must be there, and have the columns."""
    for part in source.parts:
        if not part.format.is_parquet:
            continue
        try:
            missing = missing_columns(
                footer(FoundFile(part.place, "", part.size, part.modified)).columns, source.columns
            )
        except InputError as error:
            return Skipped(part.place, Reason.UNREADABLE, str(error), source.name)
        if missing:
            detail = f"no column {', '.join(missing)}; correct `columns` in the catalogue"
            return Skipped(part.place, Reason.UNREADABLE, detail, source.name)
    return None


def _changed(listing: Listing, reads: Reads) -> Iterator[Skipped]:
    """Files that are not as they were when they were read; one objection for each."""
    parts = {part.place: part for source in listing.shards for part in source.parts}
    for place, part in parts.items():
        for read in reads.get(place, ()):
            if not read.is_of(part):
                detail = (
                    f"not as it was when it was read into {read.shard} ({read.size:,} bytes then, "
                    f"{part.size:,} now); materialize raw_documents of that shard to read it again"
                )
                yield Skipped(place, Reason.CHANGED, detail, read.shard)
                break


def _read_elsewhere(source: ShardSource, reads: Reads) -> Skipped | None:
    for part in source.parts:
        for read in reads.get(part.place, ()):
            if read.shard != source.name and read.piece.overlaps(part.piece):
                detail = f"its rows are in shard {read.shard} already"
                return Skipped(part.place, Reason.READ_ALREADY, detail, source.name)
    return None
