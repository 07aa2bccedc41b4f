import itertools
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.documents.schema import SEEDS
from prox_assets.errors import CatalogueError
from prox_assets.teacher.sampling import Holdout, SeedSampler, sampling_rank
from prox_assets_tests.teacher.seeds import raw_batch

doc_ids = st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=40)


def sample(
    shards: dict[str, list[str]], size: int, seed: int = 0, holdout: Holdout | None = None
) -> pa.Table:
    sampler = SeedSampler(size, seed, holdout)
    for shard, ids in shards.items():
        sampler.add(raw_batch(ids), shard)
    return sampler.table()


def ids_of(table: pa.Table) -> list[str]:
    return table.column("doc_id").to_pylist()


@given(doc_ids, st.integers(1, 20), st.integers(0, 3))
def test_the_sample_is_the_first_documents_by_rank(ids: list[str], size: int, seed: int) -> None:
    table = sample({"s0": ids}, size, seed)
    assert ids_of(table) == sorted(ids, key=lambda doc_id: sampling_rank(doc_id, seed))[:size]
    assert table.schema == SEEDS


@given(doc_ids, st.integers(1, 20), st.integers(1, 7), st.randoms(use_true_random=False))
def test_order_and_cutting_do_not_matter(
    ids: list[str], size: int, batch: int, shuffler: random.Random
) -> None:
    half = len(ids) // 2
    whole = sample({"s0": ids[:half], "s1": ids[half:]}, size)
    sampler = SeedSampler(size, 0)
    batches = [
        (raw_batch(part).slice(at, batch), shard)
        for shard, part in {"s0": ids[:half], "s1": ids[half:]}.items()
        for at in range(0, len(part), batch)
    ]
    shuffler.shuffle(batches)
    for piece, shard in batches:
        sampler.add(piece, shard)
    assert sampler.table().equals(whole)


@given(doc_ids, doc_ids, st.integers(1, 20))
def test_a_new_shard_changes_only_what_it_must(old: list[str], new: list[str], size: int) -> None:
    new = [doc_id for doc_id in new if doc_id not in set(old)]
    before = ids_of(sample({"s0": old}, size))
    after = ids_of(sample({"s0": old, "s1": new}, size))
    entered = set(after) - set(before)
    assert entered <= set(new)
    assert len(set(before) - set(after)) == max(0, len(before) + len(entered) - size)
    assert [doc_id for doc_id in after if doc_id in before] == [d for d in before if d in after]


@settings(max_examples=50)
@given(doc_ids, st.integers(1, 30), st.integers(1, 30))
def test_a_smaller_sample_is_the_head_of_a_larger_one(ids: list[str], one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert ids_of(sample({"s": ids}, small)) == ids_of(sample({"s": ids}, large))[:small]


def test_an_id_of_two_shards_is_one_seed_whatever_the_order() -> None:
    shards = {"b": ["x", "y"], "a": ["y", "x"]}
    for order in itertools.permutations(shards):
        table = sample({shard: shards[shard] for shard in order}, 5)
        rows = {row["doc_id"]: (row["shard"], row["row"]) for row in table.to_pylist()}
        assert rows == {"x": ("a", 1), "y": ("a", 0)}


def test_seeds_differ_in_their_samples() -> None:
    ids = [str(number) for number in range(1000)]
    one, other = (set(ids_of(sample({"s": ids}, 100, seed))) for seed in (0, 1))
    assert len(one & other) < 30  # 10 expected of two independent draws


def test_memory_holds_the_sample_only() -> None:
    sampler = SeedSampler(3, 0)
    for shard in range(20):
        sampler.add(raw_batch(f"{shard}-{row}" for row in range(50)), f"s{shard}")
        assert len(sampler._rows) == len(sampler._ranks) == 3
    assert sampler.counts.seen == 1000


def test_held_out_groups_are_never_sampled() -> None:
    holdout = Holdout("url_host", values=frozenset({"WWW.b.example"}))
    sampler = SeedSampler(10, 0, holdout)
    sampler.add(raw_batch(["1", "2"], host="a.example"), "s0")
    sampler.add(raw_batch(["3", "4"], host="www.B.example"), "s0")
    assert set(ids_of(sampler.table())) == {"1", "2"}
    assert (sampler.counts.seen, sampler.counts.held_out, sampler.counts.ungrouped) == (4, 2, 0)


def test_an_empty_sample_size_is_refused() -> None:
    with pytest.raises(CatalogueError, match="at least 1"):
        SeedSampler(0, 0)
