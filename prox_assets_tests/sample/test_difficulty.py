"""Evaluation pages cannot be solved by remembering noise lines; a model that reads the lines does better."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pytest

from prox_assets.sample import generate_pages

Labelled = list[tuple[str, bool]]


def _lines(domain: str, templates: str, count: int) -> Labelled:
    pages = [page for page in generate_pages(domain, count, 0, templates) if page.keep]
    return [pair for page in pages for pair in zip(page.lines, page.is_noise, strict=True)]


def _f1(truth: Sequence[bool], guessed: Sequence[bool]) -> float:
    hits = sum(t and g for t, g in zip(truth, guessed, strict=True))
    return 2 * hits / (sum(truth) + sum(guessed))


def _features(line: str) -> list[str]:
    shape = (f"length {len(line).bit_length()}", f"end {line[-1:] if not line[-1:].isalnum() else 'a'}")
    padded = f" {line.casefold()} "
    return list(
        {*shape, *padded.split(), *(padded[at : at + n] for n in (2, 3) for at in range(len(padded) - n + 1))}
    )


def _logistic_regression(train: Labelled, rounds: int = 3) -> dict[str, float]:
    """Weights by feature, fitted line by line."""
    weights: dict[str, float] = defaultdict(float)
    rows = [(_features(line), noise) for line, noise in train]
    for _ in range(rounds):
        for features, noise in rows:
            step = 2 * (noise - _probability(weights, features)) / len(features)
            for feature in features:
                weights[feature] += step
    return weights


def _probability(weights: Mapping[str, float], features: Sequence[str]) -> float:
    return 1 / (1 + math.exp(-sum(weights.get(feature, 0.0) for feature in features)))


@pytest.mark.parametrize("domain", ["web", "math"])
def test_a_phrase_list_fails_where_a_trained_model_does_not(domain: str):
    train, held = _lines(domain, "train", 700), _lines(domain, "eval", 200)
    truth = [noise for _, noise in held]
    phrases = {line for line, noise in train if noise}
    weights = _logistic_regression(train)
    listed = _f1(truth, [line in phrases for line, _ in held])
    trained = _f1(truth, [_probability(weights, _features(line)) > 0.5 for line, _ in held])
    assert listed < 0.15
    assert 0.7 < trained < 0.97
