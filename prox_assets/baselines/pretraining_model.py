"""A tiny causal language model: made, trained and scored on the CPU."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prox_assets.baselines.pretraining_settings import PretrainingSettings
from prox_assets.baselines.pretraining_stream import Ids, Reference, batch, schedule
from prox_assets.errors import RefinerError

HEAD_SIZE = 32
WARMUP_SHARE = 0.1
FINAL_RATE_SHARE = 0.1
MAX_GRADIENT_NORM = 1.0
# Logits held at a time: 4 MiB in float32 stay in the cache, and a large vocabulary costs time but not memory.
LOGITS_AT_A_TIME = 2**20


@contextmanager
def cpu_threads(threads: int) -> Iterator[None]:
    """Let torch compute with `threads` threads, and afterwards with as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def initial_model(vocabulary_size: int, settings: PretrainingSettings, seed: int) -> Any:
    """A `LlamaForCausalLM` from a configuration, its weights a function of sizes and seed alone."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    heads = max(1, settings.hidden_size // HEAD_SIZE)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=settings.hidden_size,
        intermediate_size=settings.hidden_size * 8 // 3,
        num_hidden_layers=settings.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=HEAD_SIZE,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        use_cache=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def train(
    model: Any,
    stream: Ids,
    settings: PretrainingSettings,
    seed: int,
    report: Callable[[int, float], None],
) -> list[float]:
    """Train in place on the budget of tokens; the loss of each step in nats per token.

    Raises:
        RefinerError: the loss is no longer a number.
    """
    import torch

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.95), fused=True
    )
    model.train()
    losses: list[float] = []
    for step, numbers in enumerate(schedule(settings, seed)):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * rate_share(step, settings.steps)
        optimizer.zero_grad(set_to_none=True)
        ids = torch.from_numpy(batch(stream, numbers, settings.context))
        losses.append(_accumulate(model, ids))
        if not math.isfinite(losses[-1]):
            raise RefinerError(
                f"the loss is {losses[-1]} at step {step + 1} with seed {seed}: lower the learning rate "
                f"({settings.learning_rate:g})."
            )
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
        optimizer.step()
        report(step + 1, losses[-1])
    return losses


def rate_share(step: int, steps: int) -> float:
    """The share of the peak learning rate at 0-based `step`: linear warm-up, then cosine to a tenth."""
    warmup = max(1, round(steps * WARMUP_SHARE))
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return FINAL_RATE_SHARE + (1 - FINAL_RATE_SHARE) * (1 + math.cos(math.pi * progress)) / 2


def bits_per_character(model: Any, reference: Reference, settings: PretrainingSettings) -> float:
    """What the text of the reference costs under the model; separators are not counted."""
    import torch

    model.eval()
    nats = 0.0
    with torch.inference_mode():
        for first in range(0, len(reference.inputs), settings.rows):
            rows = slice(first, first + settings.rows)
            ids, targets, counted = (
                torch.from_numpy(part[rows])
                for part in (reference.inputs, reference.targets, reference.counted)
            )
            hidden = model.model(input_ids=ids).last_hidden_state
            nats += sum(float(loss) for loss in _losses(model, hidden[counted], targets[counted]))
    return nats / math.log(2) / reference.characters


def _accumulate(model: Any, ids: Any) -> float:
    """Add the gradients of the mean loss of a batch, (rows, context + 1), and return that loss.

    Backward through a few logits at a time to the last hidden states, and from there once through the layers.
    """
    hidden = model.model(input_ids=ids[:, :-1]).last_hidden_state
    states = hidden.detach().flatten(0, 1).requires_grad_()
    total = 0.0
    for loss in _losses(model, states, ids[:, 1:].flatten()):
        mean = loss / len(states)
        mean.backward()
        total += float(mean.detach())
    hidden.backward(states.grad.view_as(hidden))
    return total


def _losses(model: Any, states: Any, targets: Any) -> Iterator[Any]:
    """The summed loss, in nats, of one slice after another of `states`, (tokens, hidden)."""
    from torch.nn.functional import cross_entropy

    tokens = max(1, LOGITS_AT_A_TIME // model.config.vocab_size)
    for some, following in zip(states.split(tokens), targets.split(tokens), strict=True):
        yield cross_entropy(model.lm_head(some), following, reduction="sum")
