"""Seed documents: a sample that is a pure function of (documents, size, seed), without held-out groups."""

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from prox_assets import config
from prox_assets.documents.schema import RAW, SEEDS
from prox_assets.errors import CatalogueError, InputError

METADATA_PREFIX = "metadata."
GROUPINGS = ("url_host", "source", "doc_id")
_SHARE_BYTES = 8


def holdout_share(group_key: str, seed: int) -> float:
    """Place a group in [0, 1) by a hash keyed with the seed: the same for any sample and any corpus."""
    digest = blake2b(group_key.encode(), digest_size=_SHARE_BYTES, key=f"holdout:{seed}".encode()).digest()
    return int.from_bytes(digest, "big") / (1 << 8 * _SHARE_BYTES)


def url_host(url: str | None) -> str | None:
    """The host of a URL in lower case without a leading `www.`; None where there is none."""
    if not url:
        return None
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname
    except ValueError:  # an IPv6 address cut in half is a URL without a host
        return None
    return host.removeprefix("www.") if host else None


@dataclass(frozen=True, slots=True)
class Holdout:
    """Which groups are held out: a share of all groups, and those listed by value.

    `by` is `url_host`, `source`, `doc_id` or `metadata.<key>`. A document without a group (no URL, no
    such key) is a group of its own, named by its `doc_id`. Listed hosts are read as `url_host` reads them.
    """

    by: str
    fraction: float | None = None
    values: frozenset[str] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an unknown grouping or an impossible share with a CatalogueError."""
        if self.by == "url_host" and self.values:
            hosts = frozenset(url_host(value) or value for value in self.values)
            object.__setattr__(self, "values", hosts)
        if self.by not in GROUPINGS and not self._metadata_key:
            raise CatalogueError(
                f"holdout.by is {self.by!r}; write one of {', '.join(GROUPINGS)} or metadata.<key>"
            )
        if self.fraction is not None and not 0 <= self.fraction < 1:
            raise CatalogueError(f"holdout.fraction is {self.fraction}; write a share from 0 to below 1")

    @classmethod
    def of(cls, section: config.HoldoutSection) -> "Holdout":
        """The holdout that a catalogue asks for."""
        return cls(section.by, section.fraction, frozenset(section.values) or None, section.seed)

    @property
    def _metadata_key(self) -> str | None:
        return self.by[len(METADATA_PREFIX) :] or None if self.by.startswith(METADATA_PREFIX) else None

    def group(
        self, url: str | None, source: str | None, metadata_json: str | None, doc_id: str
    ) -> str | None:
        """The group of a document, or None where it has none."""
        if self.by == "url_host":
            return url_host(url)
        if self.by == "source":
            return source
        if self.by == "doc_id":
            return doc_id
        return _metadata_value(metadata_json, self._metadata_key or "", doc_id)

    def holds(self, url: str | None, source: str | None, metadata_json: str | None, doc_id: str) -> bool:
        """Whether the document is held out, i.e. must never be a seed."""
        group = self.group(url, source, metadata_json, doc_id)
        key = group if group is not None else f"doc_id:{doc_id}"
        if self.values and group in self.values:
            return True
        return self.fraction is not None and holdout_share(key, self.seed) < self.fraction


def _metadata_value(metadata_json: str | None, key: str, doc_id: str) -> str | None:
    try:
        metadata = json.loads(metadata_json or "{}")
    except json.JSONDecodeError as error:
        raise InputError(
            f"document {doc_id!r}: metadata is not a JSON object ({error}); read the shard again"
        ) from error
    value = metadata.get(key)
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)


_HASH_BYTES = 16


def sampling_rank(doc_id: str, seed: int) -> int:
    """Place of a document in the one order from which every sample takes the first `size` (128 bits)."""
    digest = blake2b(doc_id.encode(), digest_size=_HASH_BYTES, key=f"seeds:{seed}".encode()).digest()
    return int.from_bytes(digest, "big")


@dataclass(slots=True)
class SamplingCounts:
    """Documents seen, held out, and (of those seen) without a group to hold out by."""

    seen: int = 0
    held_out: int = 0
    ungrouped: int = 0


class Admission:
    """Who may be a seed: all but what is held out; counts both."""

    def __init__(self, holdout: Holdout | None) -> None:
        self._holdout = holdout
        self.counts = SamplingCounts()

    def candidates(self, batch: pa.RecordBatch) -> Iterator[tuple[int, str]]:
        """The index and id of each document of a batch that may be a seed."""
        names = ("url", "source", "metadata", "doc_id")
        columns = [batch.column(name).to_pylist() for name in names]
        for index, (url, source, metadata, doc_id) in enumerate(zip(*columns, strict=True)):
            self.counts.seen += 1
            if not self._is_held_out(url, source, metadata, doc_id):
                yield index, doc_id

    def _is_held_out(self, url: str | None, source: str | None, metadata: str | None, doc_id: str) -> bool:
        if self._holdout is None:
            return False
        if self._holdout.holds(url, source, metadata, doc_id):
            self.counts.held_out += 1
            return True
        self.counts.ungrouped += self._holdout.group(url, source, metadata, doc_id) is None
        return False


class SeedSampler:
    """Bottom-k sampling by a keyed hash of `doc_id`, in memory proportional to the sample.

    The sample does not depend on the order of shards or on how they are cut into batches. A new shard
    changes it only where its own documents come before the last seed. An id that several shards share is
    one document: the one in the first shard by name, first row, stands for it.
    """

    def __init__(self, size: int, seed: int, holdout: Holdout | None = None) -> None:
        if size < 1:
            raise CatalogueError(f"the number of seed documents is {size}; write at least 1")
        self._size = size
        self._seed = seed
        self._admission = Admission(holdout)
        self._ranks: list[tuple[int, str]] = []  # a max-heap of (-rank, doc_id)
        self._rows: dict[str, dict[str, Any]] = {}

    @property
    def counts(self) -> SamplingCounts:
        """What was offered so far."""
        return self._admission.counts

    def add(self, batch: pa.RecordBatch, shard: str) -> None:
        """Offer the documents of a batch (raw_documents schema) of one shard."""
        for index, rank, doc_id in self._candidates(batch):
            row = batch.select(RAW.names).slice(index, 1).to_pylist()[0] | {"shard": shard}
            self._offer(rank, doc_id, row)

    def table(self) -> pa.Table:
        """The sample so far, ordered by sampling rank (documents.schema.SEEDS)."""
        ordered = [doc_id for _, doc_id in sorted((-rank, doc_id) for rank, doc_id in self._ranks)]
        return pa.Table.from_pylist([self._rows[doc_id] for doc_id in ordered], schema=SEEDS)

    def _candidates(self, batch: pa.RecordBatch) -> Iterator[tuple[int, int, str]]:
        for index, doc_id in self._admission.candidates(batch):
            rank = sampling_rank(doc_id, self._seed)
            if doc_id in self._rows or len(self._rows) < self._size or rank < -self._ranks[0][0]:
                yield index, rank, doc_id

    def _offer(self, rank: int, doc_id: str, row: dict[str, Any]) -> None:
        if doc_id in self._rows:
            known = self._rows[doc_id]
            if (row["shard"], row["row"]) < (known["shard"], known["row"]):
                self._rows[doc_id] = row
            return
        self._rows[doc_id] = row
        heapq.heappush(self._ranks, (-rank, doc_id))
        if len(self._ranks) > self._size:
            del self._rows[heapq.heappop(self._ranks)[1]]
