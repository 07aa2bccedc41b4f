import os
import subprocess
import sys
from collections import Counter
from itertools import product

import pytest

from prox_assets.sample import SamplePage, generate_pages
from prox_assets.sample.grammar import GrammarError
from prox_assets.sample.page_kinds import DROPPED, KINDS
from prox_assets.sample.pages import DOMAINS

SETS = list(product(DOMAINS, ("train", "eval")))
COUNT = 500


@pytest.fixture(scope="module")
def pages() -> dict[tuple[str, str], list[SamplePage]]:
    return {(domain, t): list(generate_pages(domain, COUNT, 0, t)) for domain, t in SETS}


def test_pages_do_not_depend_on_the_hash_seed_or_on_their_number():
    script = (
        "from hashlib import sha256; from prox_assets.sample import generate_pages;"
        "pages = [list(generate_pages(domain, 12, 3, 'train')) for domain in ('web', 'math')];"
        "print(sha256(repr(pages).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    short, long = (list(generate_pages("web", count, 3, "train")) for count in (5, 30))
    assert long[:5] == short
    assert list(generate_pages("web", 5, 4, "train")) != short


@pytest.mark.parametrize("key", SETS)
def test_truth_fits_the_text(pages: dict[tuple[str, str], list[SamplePage]], key: tuple[str, str]):
    for page in pages[key]:
        assert len(page.lines) == len(page.is_noise) > 0
        assert tuple(page.text.split("\n")) == page.lines
        assert page.text.strip()
        if not page.keep:
            assert all(page.is_noise)
            assert not page.spans
        for line, start, stop in page.spans:
            assert not page.is_noise[line]
            assert 0 <= start < stop <= len(page.lines[line])
            rest = page.lines[line][:start] + page.lines[line][stop:]
            assert rest.strip()
            assert "  " not in rest


@pytest.mark.parametrize("key", SETS)
def test_shapes_are_those_of_pages(pages: dict[tuple[str, str], list[SamplePage]], key: tuple[str, str]):
    kept = [page for page in pages[key] if page.keep]
    lines = sum(len(page.lines) for page in kept)
    assert 0.22 < 1 - len(kept) / COUNT < 0.34
    assert 0.35 < sum(sum(page.is_noise) for page in kept) / lines < 0.47
    assert any(len(page.text) > 8000 for page in kept)
    thirds: Counter[int] = Counter()
    for page in kept:
        thirds.update(3 * at // len(page.lines) for at, noise in enumerate(page.is_noise) if noise)
    assert min(thirds.values()) > 0.15 * sum(thirds.values())
    assert sum(len(page.spans) for page in kept) > COUNT / 4


@pytest.mark.parametrize("key", SETS)
def test_all_kinds_and_languages_come(pages: dict[tuple[str, str], list[SamplePage]], key: tuple[str, str]):
    kinds = {(page.page_kind, page.keep) for page in pages[key]}
    assert kinds == {(kind, True) for kind in KINDS[key[0]]} | {(kind, False) for kind in DROPPED[key[0]]}
    languages = Counter(page.language for page in pages[key])
    assert languages.most_common(1)[0][0] == "en"
    assert min(languages[language] for language in ("en", "de", "zh")) > 0.05 * COUNT


@pytest.mark.parametrize("key", SETS)
def test_identities_differ_and_pages_rarely_repeat_a_line(
    pages: dict[tuple[str, str], list[SamplePage]], key: tuple[str, str]
):
    assert len({page.doc_id for page in pages[key]}) == COUNT
    assert len({page.text for page in pages[key]}) == COUNT
    clean = [
        line
        for page in pages[key]
        for line, noise in zip(page.lines, page.is_noise, strict=True)
        if not noise
    ]
    prose = [line for line in clean if len(line) > 60]
    assert len(set(prose)) > 0.9 * len(prose)


def test_an_unknown_domain_is_refused_with_the_choices():
    with pytest.raises(GrammarError, match="choose a domain"):
        next(generate_pages("law", 1, 0, "train"))
