"""What refining a domain will cost, from a timed sample; scores of documents without labels."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.documents.store import FinishedShard, RowRange, Store
from prox_assets.errors import InputError
from prox_assets.refiner.metrics import require_numbers
from prox_assets.refiner.scoring.windows import merge_chunks
from prox_assets.refining.document_stage import execute_programs
from prox_assets.refining.driver import Work
from prox_assets.refining.models import (
    AnyChunkRefiner,
    AnyDocumentRefiner,
    ChunkDecider,
    DocumentDecider,
    chunk_work,
    document_work,
)
from prox_assets.teacher.hard_examples import RefinerScores

_BATCH = 256


def refiner_scores(
    documents: AnyDocumentRefiner, chunks: AnyChunkRefiner, texts: Sequence[str]
) -> list[RefinerScores]:
    """The keep probability of each text and the noise scores of its lines."""
    scores: list[RefinerScores] = []
    for first in range(0, len(texts), _BATCH):
        part = texts[first : first + _BATCH]
        judged = documents.score(part)
        require_numbers(np.array([one.keep_probability for one in judged]), "keep probabilities")
        for text, document, found in zip(part, judged, chunks.refine(part), strict=True):
            pieces = ((one.chunk, one.n_tokens, one.line_scores) for one in found)
            lines = merge_chunks(text.count("\n") + 1, pieces)
            scores.append(RefinerScores(document.keep_probability, lines.tolist()))
    return scores


_LAST_STAGE = "chunk_programs"
_RANGES = 8


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """One stage on all documents that are left.

    `tokens` are read by the model. `device_seconds` is the engine's time, `host_seconds` that of what runs
    beside it. `error` is the relative standard error of `device_seconds`, from the spread over the ranges.
    `operations` are 2·N·D (arXiv 2409.17115, section 3.2).
    """

    stage: str
    tokens: int
    device_seconds: float
    host_seconds: float
    error: float
    operations: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is left to refine, how many documents were timed for it, and what each stage will take."""

    shards: int
    shards_done: int
    documents: int
    sampled: int
    stages: tuple[StageEstimate, ...]

    @property
    def device_seconds(self) -> float:
        """Engine time of both stages: what passes where the helpers keep up."""
        return sum(stage.device_seconds for stage in self.stages)


def estimate_refining(
    store: Store,
    domain: str,
    documents: DocumentDecider,
    chunks: ChunkDecider,
    keep_threshold: float | None = None,
    sample: int = 64,
) -> Estimate:
    """Time both stages on about `sample` documents of the shards that are not refined yet.

    Shards whose chunk programs are finished count as done, whichever refiner wrote them. The documents come
    from up to eight ranges spread over the shards, at random places that are the same in every run.

    Raises:
        InputError: the domain has no raw documents.
    """
    shards = store.shards(domain, "raw_documents")
    if not shards:
        raise InputError(f"{domain} has no raw documents; materialize raw_documents of a shard first.")
    finished = {shard.key.shard for shard in store.shards(domain, _LAST_STAGE)}
    left = [shard for shard in shards if shard.key.shard not in finished and shard.rows]
    count = sum(shard.rows for shard in left)
    if not count:
        return Estimate(0, len(finished), 0, 0, ())
    tables = _sampled(left, sample)
    first = document_work(documents.checkpoint, documents.refiner)
    second = chunk_work(chunks.checkpoint, chunks.refiner)
    _judge(first, second, keep_threshold, tables[0].slice(0, 2))  # what the first call sets up is not timed
    runs = [_judge(first, second, keep_threshold, table) for table in tables]
    judged, edited = zip(*runs, strict=True)
    stages = (
        _stage("doc_programs", judged, documents.cost["parameters"], count),
        _stage(_LAST_STAGE, edited, chunks.cost["parameters"], count),
    )
    return Estimate(len(left), len(finished), count, sum(table.num_rows for table in tables), stages)


@dataclass(frozen=True, slots=True)
class _Timed:
    documents: int
    tokens: int
    device: float
    host: float


def _sampled(shards: Sequence[FinishedShard], size: int) -> list[pa.Table]:
    """Some documents of ranges that are spread evenly over the shards."""
    ranges = [(shard, rows) for shard in shards for rows in shard.ranges if _rows(shard, rows)]
    chosen = [ranges[i * len(ranges) // _RANGES] for i in range(_RANGES)] if len(ranges) > _RANGES else ranges
    draw = np.random.default_rng(0)
    tables = []
    for shard, rows in chosen:
        table = shard.read(rows)
        places = draw.permutation(table.num_rows)[: math.ceil(size / len(chosen))]
        tables.append(table.take(np.sort(places)))
    return tables


def _rows(shard: FinishedShard, rows: RowRange) -> int:
    """The documents of a range: its rows less the rejected ones."""
    return shard.row_count(rows)


def _judge(
    first: Work[Any, Any], second: Work[Any, Any], keep_threshold: float | None, raw: pa.Table
) -> tuple[_Timed, _Timed]:
    programs, judged = _run(first, raw)
    refined = execute_programs(keep_threshold, raw, programs).table
    _, edited = _run(second, refined)
    return judged, edited


def _run(work: Work[Any, Any], table: pa.Table) -> tuple[pa.Table, _Timed]:
    began = time.perf_counter()
    prepared = work.prepare(table)
    started = time.perf_counter()
    answers = work.infer(prepared)
    answered = time.perf_counter()
    result = work.finish(prepared, answers, table)
    host = time.perf_counter() - answered + started - began
    return result.table, _Timed(table.num_rows, result.cost["tokens_in"], answered - started, host)


def _stage(name: str, runs: Sequence[_Timed], parameters: int, documents: int) -> StageEstimate:
    """Scale what was timed to all documents; the error comes from the spread over the timed ranges."""
    scale = documents / sum(run.documents for run in runs)
    device = sum(run.device for run in runs)
    rates = [run.device / run.documents for run in runs]
    spread = float(np.std(rates, ddof=1)) / math.sqrt(len(rates)) if len(rates) > 1 else math.nan
    tokens = round(sum(run.tokens for run in runs) * scale)
    return StageEstimate(
        name,
        tokens,
        device * scale,
        sum(run.host for run in runs) * scale,
        spread / float(np.mean(rates)) if device else math.nan,
        2 * parameters * tokens,
    )
