"""Lines that many documents of one source share: boilerplate, as CCNet (arXiv 1911.00359) and C4 take it."""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

from prox_assets.teacher.holdout import url_host

_HASH_BYTES = 8
MIN_DOCUMENTS = 3
MIN_REPEATS = 2


def site_of(url: str | None, source: str | None) -> str:
    """The group that a document's boilerplate is counted in: its host, else its source."""
    return url_host(url) or source or ""


class SharedLines:
    """How many documents of a site hold each line, counted over a sample in hashes of the lines."""

    def __init__(self) -> None:
        self._documents: Counter[str] = Counter()
        self._holders: Counter[tuple[str, bytes]] = Counter()

    def add(self, site: str, lines: Iterable[str]) -> None:
        """Count a document."""
        self._documents[site] += 1
        self._holders.update((site, _hash(line)) for line in {line.strip() for line in lines})

    def share(self, site: str, line: str) -> float:
        """Share of the site's documents with this line; 0 where too few documents or holders are known."""
        holders, documents = self._holders[site, _hash(line.strip())], self._documents[site]
        return holders / documents if documents >= MIN_DOCUMENTS and holders >= MIN_REPEATS else 0.0


def _hash(line: str) -> bytes:
    return blake2b(line.encode(), digest_size=_HASH_BYTES).digest()
