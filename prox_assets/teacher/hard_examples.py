"""Rounds of hard examples: what refiners and teacher disagree on most (LLM2LLM, arXiv 2403.15042)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa

from prox_assets.documents.files import is_temporary, read_json
from prox_assets.teacher.agreement import DocumentJudgement, LineMarks
from prox_assets.teacher.sampling import Holdout, SeedSampler

RECORD_FILE = "round.json"


class Step(StrEnum):
    """What there is to do: wait for refiners of the last round, make a round, or write down the end.

    `ENDED`: the end is on record. `DONE`: there are as many rounds as were asked for.
    """

    WAIT = "wait"
    GO = "go"
    STOP = "stop"
    ENDED = "ended"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Validation:
    """F1 of both refiners on their validation rows."""

    document: float
    chunk: float

    def gain_over(self, former: "Validation") -> float:
        """By how much the refiner that rose more has risen."""
        return max(self.document - former.document, self.chunk - former.chunk)


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """What is known of a round when it is made.

    `lineage` names the seeds and annotations it adds to, `before` the F1 of the refiners that it is meant to
    better. A record with `stopped` (why) is the end: it holds no examples.
    """

    number: int
    lineage: str
    before: Validation
    pool: int = 0
    examples: int = 0
    mean_disagreement: float = 0.0
    stopped: str = ""

    def to_json(self) -> dict[str, object]:
        """The record as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Round:
    """A finished round: its folder, the folder's fingerprint, and its record."""

    folder: Path
    fingerprint: str
    record: RoundRecord


def read_rounds(folder: Path, lineage: str) -> tuple[Round, ...]:
    """The finished rounds of a lineage below an asset's folder by number; a record of the end comes last."""
    paths = (path for path in folder.glob(f"*/{RECORD_FILE}") if not is_temporary(path.parent))
    found = [_read(path) for path in paths]
    mine = [one for one in found if one.record.lineage == lineage]
    return tuple(sorted(mine, key=lambda one: (one.record.number, one.fingerprint)))


def with_examples(rounds: Sequence[Round]) -> tuple[Round, ...]:
    """The rounds that give training something."""
    return tuple(one for one in rounds if not one.record.stopped)


def next_step(
    rounds: Sequence[Round], limit: int, min_gain: float, trained_on: Sequence[str] | None, now: Validation
) -> Step:
    """What to do after `rounds`.

    `trained_on` are the fingerprints of the rounds that the present refiners were trained on (None: they were
    trained on other seeds), `now` their validation F1. A round is judged by the refiners trained on it; until
    there are some, one waits.
    """
    made = with_examples(rounds)
    if len(made) < len(rounds):
        return Step.ENDED
    if trained_on is None or [one.fingerprint for one in made] != list(trained_on):
        return Step.WAIT
    if made and now.gain_over(made[-1].record.before) < min_gain:
        return Step.STOP
    return Step.GO if len(made) < limit else Step.DONE


def _read(path: Path) -> Round:
    values = read_json(path)
    record = RoundRecord(**{**values, "before": Validation(**values["before"])})
    return Round(path.parent, path.parent.name, record)


POOL = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("document", pa.float64()),
        pa.field("lines", pa.float64()),
        pa.field("chosen", pa.bool_(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class RefinerScores:
    """What the refiners say of a document: its keep probability, and the noise score of each line."""

    keep: float
    lines: Sequence[float]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How far refiners and teacher are apart on a document, 0 to 1 each; None where one of them was silent.

    `document` is the distance of keep probability and decision, `lines` the mean distance over the lines that
    the teacher judged, in documents that it does not drop.
    """

    doc_id: str
    document: float | None
    lines: float | None

    @property
    def total(self) -> float:
        """What documents are ranked by."""
        return (self.document or 0.0) + (self.lines or 0.0)


class FreshPool:
    """The next documents in the order of sampling that are none of those known: not by id, not by text.

    What is held out stays held out.
    """

    def __init__(
        self,
        size: int,
        seed: int,
        known_ids: Collection[str],
        known_texts: Iterable[str],
        holdout: Holdout | None,
    ) -> None:
        self._sampler = SeedSampler(size, seed, holdout)
        self._ids = frozenset(known_ids)
        self._texts = {_digest(text) for text in known_texts}

    def add(self, batch: pa.RecordBatch, shard: str) -> None:
        """Offer the documents of a batch (raw_documents schema) of one shard."""
        ids, texts = batch["doc_id"].to_pylist(), batch["text"].to_pylist()
        fresh = [
            doc_id not in self._ids and _digest(text) not in self._texts
            for doc_id, text in zip(ids, texts, strict=True)
        ]
        self._sampler.add(batch.filter(pa.array(fresh, pa.bool_())), shard)

    def table(self) -> pa.Table:
        """The pool, in the order of sampling (documents.schema.SEEDS)."""
        return self._sampler.table()


def disagreements(
    scores: Mapping[str, RefinerScores],
    documents: Mapping[str, DocumentJudgement],
    lines: Mapping[str, LineMarks],
) -> Iterator[Disagreement]:
    """Compare refiners and teacher on each scored document."""
    for doc_id, score in scores.items():
        keep = documents[doc_id].keep if doc_id in documents else None
        apart = None if keep is None else abs(score.keep - keep)
        yield Disagreement(doc_id, apart, None if keep is False else _on_lines(score, lines.get(doc_id, ())))


def hardest(found: Iterable[Disagreement], size: int) -> list[Disagreement]:
    """The `size` documents of most disagreement; those without any are left out."""
    ranked = sorted((one for one in found if one.total > 0), key=lambda one: (-one.total, one.doc_id))
    return ranked[:size]


def pool_table(found: Sequence[Disagreement], chosen: Sequence[Disagreement]) -> pa.Table:
    """All documents that were looked at, with what was found (POOL)."""
    ids = {one.doc_id for one in chosen}
    rows = [
        {
            "doc_id": one.doc_id,
            "document": one.document,
            "lines": one.lines,
            "chosen": one.doc_id in ids,
        }
        for one in found
    ]
    return pa.Table.from_pylist(rows, schema=POOL)


def _on_lines(score: RefinerScores, marks: LineMarks) -> float | None:
    pairs = [
        (said, mark) for said, mark in zip(score.lines, marks, strict=len(marks) > 0) if mark is not None
    ]
    return sum(abs(said - mark) for said, mark in pairs) / len(pairs) if pairs else None


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
