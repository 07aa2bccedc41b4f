"""Stratified seeds: documents of every kind, by rank within their kind."""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from prox_assets.errors import CatalogueError
from prox_assets.teacher.rules.judging import SharedLines, judged, scored
from prox_assets.teacher.sampling import Admission, Holdout, SamplingCounts, sampling_rank

UNKNOWN = "?"
SEPARATOR = " · "
# Characters at which a document becomes longer than the stratum before.
LENGTHS = (500, 2_000, 8_000, 32_000)
_COLUMNS = ("source", "language", "text")

Row = dict[str, str | None]


def length_stratum(text: str) -> str:
    """The band of lengths a document falls into, in characters."""
    bounds = (0, *LENGTHS)
    place = sum(len(text) >= bound for bound in bounds) - 1
    return f"{bounds[place]}+" if place == len(LENGTHS) else f"{bounds[place]}–{bounds[place + 1] - 1}"


def rule_score_stratum(text: str, language: str | None) -> str:
    """The rules' educational score of a document on its own, in whole points from 0 to 5."""
    return f"score {int(scored(judged(text, language, SharedLines(), '')).educational)}"


_STRATA: dict[str, Callable[[Row], str]] = {
    "source": lambda row: row["source"] or UNKNOWN,
    "language": lambda row: row["language"] or UNKNOWN,
    "length": lambda row: length_stratum(row["text"] or ""),
    "rule_score": lambda row: rule_score_stratum(row["text"] or "", row["language"]),
}


class StratifiedSampler:
    """Bottom-k sampling by the keyed hash of `doc_id` within each stratum; holds at most `size` ids of each.

    Which documents a stratum gives is a pure function of its documents, its quota and the seed; a new shard
    changes it only by documents that come before the last chosen one, or by the quota.
    """

    def __init__(self, size: int, seed: int, strata: Sequence[str], holdout: Holdout | None = None) -> None:
        if size < 1:
            raise CatalogueError(f"the number of seed documents is {size}; write at least 1")
        self._size, self._seed, self._strata = size, seed, tuple(strata)
        self._admission = Admission(holdout)
        self._ranks: dict[str, list[tuple[int, str]]] = {}  # max-heaps of (-rank, doc_id)
        self._members: dict[str, set[str]] = {}
        self.documents: Counter[str] = Counter()

    @property
    def counts(self) -> SamplingCounts:
        """What was offered so far."""
        return self._admission.counts

    def add(self, batch: pa.RecordBatch) -> None:
        """Offer the documents of a batch (raw_documents schema)."""
        columns = {name: batch.column(name) for name in _COLUMNS}
        for index, doc_id in self._admission.candidates(batch):
            stratum = self.stratum({name: column[index].as_py() for name, column in columns.items()})
            self.documents[stratum] += 1
            self._offer(stratum, doc_id)

    def stratum(self, row: Row) -> str:
        """The name of a document's stratum: its values, one for each thing the strata are of."""
        return SEPARATOR.join(_STRATA[name](row) for name in self._strata)

    def quotas(self, quota: str, floor: int) -> dict[str, int]:
        """How many seeds each stratum gives; in all the size asked for, where there are so many documents."""
        known = {name: len(members) for name, members in self._members.items()}
        return (equal_quotas if quota == "equal" else proportional_quotas)(
            self._size, self.documents, known, floor
        )

    def chosen(self, quotas: Mapping[str, int]) -> list[str]:
        """The ids of the seeds; a document that stands in two strata counts once."""
        ids: dict[str, None] = {}
        for stratum, quota in sorted(quotas.items()):
            ids.update((doc_id, None) for _, doc_id in heapq.nlargest(quota, self._ranks[stratum]))
        return list(ids)

    def _offer(self, stratum: str, doc_id: str) -> None:
        members = self._members.setdefault(stratum, set())
        if doc_id in members:
            return
        ranks = self._ranks.setdefault(stratum, [])
        heapq.heappush(ranks, (-sampling_rank(doc_id, self._seed), doc_id))
        members.add(doc_id)
        if len(ranks) > self._size:
            members.remove(heapq.heappop(ranks)[1])


def equal_quotas(
    size: int, _documents: Mapping[str, int], known: Mapping[str, int], _floor: int
) -> dict[str, int]:
    """As many of each stratum; what a small stratum cannot give goes to the others.

    `known` are the documents that each stratum can give.
    """
    quotas = dict.fromkeys(sorted(known), 0)
    left = min(size, sum(known.values()))
    while left:
        open_ = [name for name in quotas if quotas[name] < known[name]]
        share = max(1, left // len(open_))
        for name in open_[:left]:
            given = min(share, known[name] - quotas[name], left)
            quotas[name] += given
            left -= given
    return quotas


def proportional_quotas(
    size: int, documents: Mapping[str, int], known: Mapping[str, int], floor: int
) -> dict[str, int]:
    """At least `floor` of each stratum, the rest in the corpus' proportions (largest remainders)."""
    quotas = equal_quotas(size, documents, {name: min(floor, known[name]) for name in known}, 0)
    left = min(size, sum(known.values())) - sum(quotas.values())
    while left:
        open_ = [name for name in quotas if quotas[name] < known[name]]
        total = sum(documents[name] for name in open_)
        shares = {name: left * documents[name] / total for name in open_}
        whole = {name: min(int(shares[name]), known[name] - quotas[name]) for name in open_}
        if not any(whole.values()):
            for name in sorted(open_, key=lambda name: (-shares[name], name))[:left]:
                whole[name] = 1
        for name, given in whole.items():
            quotas[name] += given
        left -= sum(whole.values())
    return quotas
