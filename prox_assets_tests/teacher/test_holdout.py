import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prox_assets import config
from prox_assets.errors import CatalogueError, InputError
from prox_assets.teacher.sampling import Holdout, holdout_share, url_host


@given(st.text(), st.integers())
def test_a_share_lies_between_nothing_and_all(key: str, seed: int) -> None:
    assert 0 <= holdout_share(key, seed) < 1
    assert holdout_share(key, seed) == holdout_share(key, seed)


def test_shares_spread_evenly_and_depend_on_the_seed() -> None:
    shares = [holdout_share(f"host{number}", 7) for number in range(4000)]
    assert abs(sum(share < 0.2 for share in shares) / len(shares) - 0.2) < 0.03
    assert shares[:50] != [holdout_share(f"host{number}", 8) for number in range(50)]


def test_a_larger_fraction_holds_all_that_a_smaller_one_holds() -> None:
    urls = [f"https://h{number}.example/x" for number in range(300)]
    held = [
        {url for url in urls if Holdout("url_host", fraction=fraction).holds(url, None, None, "d")}
        for fraction in (0.1, 0.4)
    ]
    assert held[0] < held[1]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.org:8080/a?b=c", "example.org"),
        ("example.org/page", "example.org"),
        ("http://[::1", None),
        ("", None),
        (None, None),
    ],
)
def test_hosts(url: str | None, host: str | None) -> None:
    assert url_host(url) == host


@given(st.text())
def test_no_url_breaks_the_sampling(url: str) -> None:
    Holdout("url_host", fraction=0.5).holds(url, None, None, "d")


def test_pages_of_a_host_go_together() -> None:
    holdout = Holdout("url_host", fraction=0.5)
    for number in range(50):
        answers = {holdout.holds(f"https://h{number}.x/{page}", None, None, str(page)) for page in range(9)}
        assert len(answers) == 1


def test_a_metadata_key_names_the_group() -> None:
    holdout = Holdout("metadata.templates", values=frozenset({"eval"}))
    assert holdout.holds(None, None, json.dumps({"templates": "eval"}), "d")
    assert not holdout.holds(None, None, json.dumps({"templates": "train"}), "d")
    assert not holdout.holds(None, None, "{}", "eval")


def test_a_number_in_the_metadata_is_a_group_too() -> None:
    assert Holdout("metadata.year", values=frozenset({"2024"})).holds(None, None, '{"year": 2024}', "d")


def test_documents_without_a_group_are_held_out_one_by_one() -> None:
    holdout = Holdout("url_host", fraction=0.5)
    answers = [holdout.holds(None, None, None, str(number)) for number in range(400)]
    assert 140 < sum(answers) < 260


def test_damaged_metadata_is_named() -> None:
    with pytest.raises(InputError, match="'d7'"):
        Holdout("metadata.k", fraction=0.1).holds(None, None, "{", "d7")


@pytest.mark.parametrize(("by", "fraction"), [("host", 0.1), ("metadata.", 0.1), ("source", 1.0)])
def test_an_impossible_holdout_is_refused(by: str, fraction: float) -> None:
    with pytest.raises(CatalogueError, match="holdout"):
        Holdout(by, fraction=fraction)


def test_the_catalogue_section_becomes_the_holdout() -> None:
    section = config.HoldoutSection(by="source", values=("x",), seed=3)
    assert Holdout.of(section) == Holdout("source", None, frozenset({"x"}), 3)
