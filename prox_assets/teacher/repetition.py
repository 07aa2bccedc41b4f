"""Lines that many documents of one source share: boilerplate, as CCNet (arXiv 1911.00359) and C4 take it.

They are counted in a corpus, so that what is said of a document depends on the corpus and on nothing else,
not on the documents that happen to be judged with it. Only lines of the judged documents are counted, so that
memory is bounded by these.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from prox_assets.documents.fingerprint import fingerprint
from prox_assets.documents.store import FinishedShard
from prox_assets.teacher.holdout import url_host

MIN_DOCUMENTS = 3
MIN_REPEATS = 2
# Of a large site, two of ten thousand pages with the same line are chance, or one page read twice.
MIN_SHARE = 0.01
_COLUMNS = ["url", "source", "text"]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents that repeated lines are counted in.

    `name` says what they are, `fingerprint` which ones; `batches` reads them, from the start at each call,
    with the columns `url`, `source` and `text`.
    """

    name: str
    fingerprint: str
    batches: Callable[[], Iterable[pa.RecordBatch]]

    @classmethod
    def of_shards(cls, shards: Sequence[FinishedShard]) -> "Corpus":
        """The raw documents of all finished shards of a domain."""
        return cls(
            f"{sum(shard.rows for shard in shards):,} documents of {len(shards)} shards",
            fingerprint({shard.key.shard: shard.fingerprint for shard in shards}),
            lambda: (batch for shard in shards for batch in shard.batches(_COLUMNS)),
        )


def site_of(url: str | None, source: str | None) -> str:
    """The group that a document's boilerplate is counted in: its host, else its source."""
    return url_host(url) or source or ""


class SharedLines:
    """How many documents of a site hold each of the lines that were asked for."""

    def __init__(self, asked: Iterable[tuple[str, Iterable[str]]] = ()) -> None:
        self._documents: Counter[str] = Counter()
        self._holders: dict[str, dict[str, int]] = {}
        for site, lines in asked:
            self._holders.setdefault(site, {}).update((line.strip(), 0) for line in lines)

    def add(self, site: str, lines: Iterable[str]) -> None:
        """Count a document of the corpus."""
        holders = self._holders.get(site)
        if holders is None:
            return
        self._documents[site] += 1
        for line in {line.strip() for line in lines}:
            if line in holders:
                holders[line] += 1

    def share(self, site: str, line: str) -> float:
        """Share of the site's documents with this line; 0 where too few documents or holders are known."""
        holders, documents = self._holders.get(site, {}).get(line.strip(), 0), self._documents[site]
        share = holders / documents if documents >= MIN_DOCUMENTS and holders >= MIN_REPEATS else 0.0
        return share if share >= MIN_SHARE else 0.0


def shared_lines(documents: pa.Table, corpus: Corpus | None) -> SharedLines:
    """Count the lines of `documents` (columns url, source, text) in a corpus; without one, none is shared."""
    if corpus is None:
        return SharedLines()
    shared = SharedLines(_lines_of(documents.select(_COLUMNS).to_batches()))
    for site, lines in _lines_of(corpus.batches()):
        shared.add(site, lines)
    return shared


def _lines_of(batches: Iterable[pa.RecordBatch]) -> Iterable[tuple[str, list[str]]]:
    for batch in batches:
        columns = (batch.column(name).to_pylist() for name in _COLUMNS)
        for url, source, text in zip(*columns, strict=True):
            yield site_of(url, source), text.split("\n")
