"""Groups of documents that no teacher ever sees, so that what is learnt can be tested on new sites."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import urlsplit

from prox_assets import config
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
    def of(cls, section: config.Holdout) -> "Holdout":
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
