import random
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prox_assets.config import Seeds
from prox_assets.documents.schema import RAW
from prox_assets.teacher.sampling import Holdout, sampling_rank
from prox_assets.teacher.stratified_sampling import (
    StratifiedSampler,
    equal_quotas,
    length_stratum,
    proportional_quotas,
    rule_score_stratum,
)

sources = st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from("abc"), max_size=40)
populations = st.dictionaries(st.text(min_size=1, max_size=2), st.integers(1, 50), min_size=1, max_size=6)


def batch_of(documents: dict[str, str]) -> pa.RecordBatch:
    rows = [
        {
            "row": row,
            "doc_id": doc_id,
            "text": "x" * row,
            "source": source,
            "language": None,
            "metadata": "{}",
        }
        for row, (doc_id, source) in enumerate(documents.items())
    ]
    return pa.RecordBatch.from_pylist(rows, schema=RAW)


def chosen(batches: list[pa.RecordBatch], size: int, quota: str = "equal", floor: int = 0) -> list[str]:
    sampler = StratifiedSampler(size, 7, ["source"])
    for batch in batches:
        sampler.add(batch)
    return sorted(sampler.chosen(sampler.quotas(quota, floor)))


@given(sources, st.integers(1, 50), st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(
    documents: dict[str, str], size: int, shuffler: random.Random
) -> None:
    whole = batch_of(documents)
    pieces = [whole.slice(at, 3) for at in range(0, whole.num_rows, 3)]
    shuffler.shuffle(pieces)
    assert chosen(pieces, size) == chosen([whole], size)
    assert len(chosen([whole], size)) == min(size, len(documents))


@given(sources, st.integers(1, 20))
def test_each_stratum_gives_its_first_documents_by_rank(documents: dict[str, str], size: int) -> None:
    taken = chosen([batch_of(documents)], size, "proportional", 1)
    for source in "abc":
        members = sorted((d for d in documents if documents[d] == source), key=lambda d: sampling_rank(d, 7))
        mine = [doc_id for doc_id in members if doc_id in taken]
        assert mine == members[: len(mine)]


def test_a_new_shard_replaces_only_what_comes_later_in_its_stratum() -> None:
    old = {f"old{number}": "ab"[number % 2] for number in range(100)}
    new = {f"new{number}": "a" for number in range(30)}
    before, after = chosen([batch_of(old)], 20), chosen([batch_of(old), batch_of(new)], 20)
    assert [d for d in before if old[d] == "b"] == [d for d in after if (old | new)[d] == "b"]
    assert len(after) == 20
    last = max(sampling_rank(d, 7) for d in before if old[d] == "a")
    assert all(sampling_rank(d, 7) < last for d in set(after) - set(before))


@given(populations, st.integers(1, 200))
def test_equal_quotas_differ_only_where_documents_run_out(known: dict[str, int], size: int) -> None:
    quotas = equal_quotas(size, known, known, 0)
    assert sum(quotas.values()) == min(size, sum(known.values()))
    assert all(quotas[name] <= known[name] for name in known)
    most = max(quotas.values())
    assert all(quotas[name] >= most - 1 or quotas[name] == known[name] for name in known)


@given(populations, st.integers(1, 200), st.integers(0, 9))
def test_proportional_quotas_keep_the_floor_and_the_size(
    known: dict[str, int], size: int, floor: int
) -> None:
    quotas = proportional_quotas(size, known, known, floor)
    assert sum(quotas.values()) == min(size, sum(known.values()))
    assert all(quotas[name] <= known[name] for name in known)
    if sum(min(floor, count) for count in known.values()) <= size:
        assert all(quotas[name] >= min(floor, known[name]) for name in known)


def test_proportions_are_the_corpus_own() -> None:
    known = {"a": 700, "b": 200, "c": 100}
    assert proportional_quotas(100, known, known, 0) == {"a": 70, "b": 20, "c": 10}
    assert proportional_quotas(100, known, known, 30) == {"a": 37, "b": 32, "c": 31}


def test_what_is_held_out_is_no_seed() -> None:
    documents = {f"d{number}": "ab"[number % 2] for number in range(20)}
    sampler = StratifiedSampler(10, 0, ["source"], Holdout("source", values=frozenset({"b"})))
    sampler.add(batch_of(documents))
    assert {documents[doc_id] for doc_id in sampler.chosen(sampler.quotas("equal", 0))} == {"a"}
    assert sampler.counts.held_out == 10


def test_strata_of_several_things_are_named_by_all() -> None:
    sampler = StratifiedSampler(5, 0, ["source", "length"])
    sampler.add(batch_of({"one": "a", "two": "b"}))
    assert Counter(sampler.documents) == {"a · 0–499": 1, "b · 0–499": 1}


def test_length_and_rule_score_come_in_bands() -> None:
    assert [length_stratum("x" * n) for n in (0, 500, 40_000)] == ["0–499", "500–1999", "32000+"]
    prose = "The river has been rising since the snow began to melt in the hills above the town. " * 30
    assert rule_score_stratum("Home\nLogin\nShare", "en") < rule_score_stratum(prose, "en")


@pytest.mark.parametrize(
    "section",
    [
        {"strategy": "stratified"},
        {"strata": ["source"]},
        {"strategy": "stratified", "strata": ["length"] * 2},
    ],
)
def test_a_catalogue_that_makes_no_sense_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Seeds.model_validate(section)
