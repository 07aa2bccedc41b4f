"""Which corpus teaches a tiny language model more about clean text, for the same number of tokens."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

from prox_assets.baselines.pretraining_model import bits_per_character, cpu_threads, initial_model, train
from prox_assets.baselines.pretraining_results import Comparison, PretrainingRun
from prox_assets.baselines.pretraining_settings import PretrainingSettings
from prox_assets.baselines.pretraining_stream import Ids, Reference, load_vocabulary, pack, pack_reference
from prox_assets.errors import InputError

REPORTS_PER_RUN = 5


def compare_corpora(
    corpora: Mapping[str, Iterable[str]],
    reference: Sequence[str],
    tokenizer: Path,
    settings: PretrainingSettings,
    report: Callable[[str], None],
) -> Comparison:
    """Train one model per corpus and seed and score each on `reference` in bits per character.

    `corpora`: name → documents; each is iterated once and only as far as the budget reaches, so their order
    should not matter to the caller, and a corpus smaller than the budget repeats. The first is the baseline.
    `reference`: clean held-out documents. **The caller keeps them out of every corpus**: nothing here tells.
    `tokenizer`: the folder of one fast tokenizer for all. On one CPU, results repeat exactly.

    Raises:
        InputError: there is no corpus, one has no text, or the reference is shorter than one context.
        RefinerError: the tokenizer cannot be used, or a loss is not a number.
    """
    if not corpora:
        raise InputError("there is no corpus to train on: give at least one, the baseline first.")
    vocabulary = load_vocabulary(tokenizer)
    held_out = pack_reference(reference, vocabulary, settings.context)
    runs: list[PretrainingRun] = []
    with cpu_threads(settings.threads):
        for name, texts in corpora.items():
            stream = pack(name, texts, vocabulary, settings.budget)
            runs += [
                _run(name, stream, held_out, vocabulary.size, settings, seed, report)
                for seed in settings.seeds
            ]
        parameters = initial_model(vocabulary.size, settings, settings.seeds[0]).num_parameters()
    comparison = Comparison(settings, parameters, held_out.tokens, held_out.characters, tuple(runs))
    for name in comparison.corpora[1:]:
        report(f"{name} against {comparison.corpora[0]}: {comparison.difference(name)} bits per character")
    return comparison


def _run(
    name: str,
    stream: Ids,
    reference: Reference,
    vocabulary_size: int,
    settings: PretrainingSettings,
    seed: int,
    report: Callable[[str], None],
) -> PretrainingRun:
    started = perf_counter()
    every = -(-settings.steps // REPORTS_PER_RUN)

    def progress(step: int, loss: float) -> None:
        if step % every == 0 or step == settings.steps:
            report(f"{name}, seed {seed}: step {step} of {settings.steps}, loss {loss:.3f}")

    model = initial_model(vocabulary_size, settings, seed)
    losses = train(model, stream, settings, seed, progress)
    bits = bits_per_character(model, reference, settings)
    run = PretrainingRun(
        corpus=name,
        seed=seed,
        training_losses=tuple(losses),
        bits_per_character=bits,
        tokens_seen=settings.budget,
        unique_tokens=len(stream),
        seconds=perf_counter() - started,
    )
    report(
        f"{name}, seed {seed}: {bits:.3f} bits per character, {run.epochs:.2f} epochs, {run.seconds:.1f} s"
    )
    return run
