import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from prox_assets.baselines.pretraining import ComparisonResult, PretrainingRun, compare_corpora
from prox_assets.errors import InputError, RefinerError
from prox_assets_tests.baselines.pretraining_corpora import SETTINGS, prose, save_tokenizer, shuffled

CORPUS, REFERENCE = prose(1, 400), prose(2, 20)
TWO_SEEDS = replace(SETTINGS, seeds=(0, 1))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tokenizer(tmp_path_factory.mktemp("tokenizer"), eos_token="[EOS]")


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def comparison(tokenizer: Path, said: list[str]) -> ComparisonResult:
    corpora = {"shuffled": shuffled(CORPUS, 3), "prose": CORPUS, "again": iter(CORPUS), "few": CORPUS[:10]}
    return compare_corpora(corpora, REFERENCE, tokenizer, TWO_SEEDS, said.append)


def outcome(run: PretrainingRun) -> PretrainingRun:
    return replace(run, corpus="", seconds=0.0)


def test_sentences_teach_more_than_their_words_in_no_order(comparison: ComparisonResult) -> None:
    difference = comparison.difference("prose")
    assert difference.interval is not None
    assert difference.interval[1] < -0.3
    assert difference.mean == pytest.approx(comparison.mean("prose") - comparison.mean("shuffled"))


def test_equal_corpora_of_other_names_give_equal_results(comparison: ComparisonResult) -> None:
    assert list(map(outcome, comparison.of("prose"))) == list(map(outcome, comparison.of("again")))
    assert comparison.of("prose")[0].bits_per_character != comparison.of("prose")[1].bits_per_character


def test_a_second_comparison_gives_the_same(tokenizer: Path, comparison: ComparisonResult) -> None:
    settings = replace(SETTINGS, seeds=(1,))
    alone = compare_corpora({"prose": CORPUS}, REFERENCE, tokenizer, settings, lambda _: None)
    assert outcome(alone.runs[0]) == outcome(comparison.of("prose")[1])
    assert alone.difference("prose").interval is None


def test_a_trained_model_beats_one_that_learnt_nothing(tokenizer: Path, comparison: ComparisonResult) -> None:
    settings = replace(SETTINGS, steps=1, learning_rate=1e-9)
    untrained = compare_corpora({"prose": CORPUS}, REFERENCE, tokenizer, settings, lambda _: None)
    assert comparison.mean("prose") < untrained.mean("prose") / 2
    assert comparison.of("prose")[0].training_losses[0] > 2 * comparison.of("prose")[0].final_training_loss


def test_tokens_and_epochs_add_up(comparison: ComparisonResult) -> None:
    large, small = comparison.of("prose")[0], comparison.of("few")[0]
    assert large.tokens_seen == small.tokens_seen == 25 * 512
    assert large.unique_tokens == 25 * 512
    assert large.epochs == 1.0
    assert small.epochs == 25 * 512 / small.unique_tokens
    assert small.epochs > 2
    assert comparison.reference_characters == sum(map(len, REFERENCE))


def test_a_corpus_is_read_only_as_far_as_the_budget_reaches(tokenizer: Path) -> None:
    settings, taken = replace(SETTINGS, steps=1), 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield CORPUS[0]

    compared = compare_corpora({"endless": endless()}, REFERENCE, tokenizer, settings, lambda _: None)
    assert compared.runs[0].unique_tokens == 512
    assert taken <= 512 / 50


def test_progress_names_corpus_seed_and_result(comparison: ComparisonResult, said: list[str]) -> None:
    assert any(line.startswith("few, seed 1: step 25 of 25, loss ") for line in said)
    bits = comparison.of("few")[1].bits_per_character
    assert any(line.startswith(f"few, seed 1: {bits:.3f} bits per character, ") for line in said)
    assert sum(line.startswith("prose against shuffled: -") for line in said) == 1


def test_json_holds_every_run_and_the_summary(comparison: ComparisonResult) -> None:
    values = json.loads(json.dumps(comparison.to_json()))
    assert [(run["corpus"], run["seed"]) for run in values["runs"]] == [
        (run.corpus, run.seed) for run in comparison.runs
    ]
    assert values["summary"]["few"]["epochs"] == comparison.of("few")[0].epochs
    assert values["summary"]["few"]["difference"]["mean"] == comparison.difference("few").mean
    assert values["summary"]["shuffled"]["difference"]["interval"] == [0.0, 0.0]


def test_what_cannot_be_compared_is_refused(tokenizer: Path) -> None:
    def compare(corpora: dict[str, list[str]], reference: list[str], folder: Path = tokenizer) -> None:
        compare_corpora(corpora, reference, folder, SETTINGS, lambda _: None)

    with pytest.raises(InputError, match="no corpus to train on"):
        compare({}, REFERENCE)
    with pytest.raises(InputError, match="'hollow' has no text"):
        compare({"hollow": ["", " \n"]}, REFERENCE)
    with pytest.raises(InputError, match="0 tokens, fewer than one context of 32"):
        compare({"prose": CORPUS}, [])
    with pytest.raises(InputError, match="fewer than one context of 32"):
        compare({"prose": CORPUS}, ["Too short."])
    with pytest.raises(RefinerError, match=r"no tokenizer\.json in"):
        compare({"prose": CORPUS}, REFERENCE, Path("nowhere"))


def test_a_diverging_run_stops(tokenizer: Path) -> None:
    settings = replace(SETTINGS, learning_rate=1e38)
    with pytest.raises(RefinerError, match=r"the loss is nan at step \d+ with seed 0: lower"):
        compare_corpora({"prose": CORPUS}, REFERENCE, tokenizer, settings, lambda _: None)
