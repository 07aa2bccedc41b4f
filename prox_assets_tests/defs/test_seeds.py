from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from prox_assets.config import Seeds
from prox_assets.defs.assets.corpus import sample
from prox_assets.documents.schema import RAW, SEEDS
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store


def shard(store: Store, name: str, sources: dict[str, int]) -> FinishedShard:
    rows = [
        {"row": 0, "doc_id": f"{name}-{source}-{number}", "text": "x", "source": source, "metadata": "{}"}
        for source, count in sources.items()
        for number in range(count)
    ]
    table = pa.Table.from_pylist([row | {"row": place} for place, row in enumerate(rows)], schema=RAW)
    writer = store.writer(ShardKey("web", "raw_documents", name), {"shard": name})
    writer.commit(RowRange(0, table.num_rows), table)
    return writer.finish()


@pytest.fixture
def shards(tmp_path: Path) -> tuple[FinishedShard, ...]:
    store = Store(tmp_path)
    return shard(store, "a", {"common": 80, "rare": 3}), shard(store, "b", {"common": 40, "second": 30})


def sources_of(table: pa.Table) -> Counter[str]:
    return Counter(table["source"].to_pylist())


def test_strata_give_equal_numbers_where_they_can(shards: tuple[FinishedShard, ...]) -> None:
    seeds = Seeds(size=23, strategy="stratified", strata=("source",))
    sampled = sample(shards, seeds)
    assert sources_of(sampled.table) == {"common": 10, "second": 10, "rare": 3}
    assert sampled.table.schema == SEEDS
    assert sampled.strata == (
        {"stratum": "common", "documents": 120, "seeds": 10},
        {"stratum": "rare", "documents": 3, "seeds": 3},
        {"stratum": "second", "documents": 30, "seeds": 10},
    )
    assert sampled.counts.seen == 153
    assert sample(shards[::-1], seeds).table.equals(sampled.table)


def test_the_uniform_sample_is_what_it_was(shards: tuple[FinishedShard, ...]) -> None:
    uniform = sample(shards, Seeds(size=50))
    assert uniform.strata == ()
    assert uniform.table.num_rows == 50
    proportional = sample(
        shards, Seeds(size=51, strategy="stratified", strata=("source",), quota="proportional")
    )
    assert sources_of(proportional.table) == {"common": 40, "second": 10, "rare": 1}
