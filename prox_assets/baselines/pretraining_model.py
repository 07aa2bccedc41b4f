"""A tiny causal language model: its settings, token stream, training and score."""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from prox_assets.config import PretrainingComparison
from prox_assets.errors import InputError, RefinerError
from prox_assets.inference.loading import load_tokenizer


@dataclass(frozen=True, slots=True)
class PretrainingSettings:
    """One setting for all corpora: the same model, the same token budget, the same seeds.

    A step trains `rows` contexts of `context` tokens: as many as fit into `batch_tokens`. A seed decides the
    initial weights and the order of the contexts, alike for every corpus, so that runs of one seed are pairs.

    Raises:
        RefinerError: a size is not positive, seeds are missing or repeated, or no context fits into a batch.
    """

    steps: int = 60
    seeds: tuple[int, ...] = (0,)
    hidden_size: int = 96
    layers: int = 2
    batch_tokens: int = 4_096
    context: int = 256
    learning_rate: float = 5e-3
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("steps", "hidden_size", "layers", "batch_tokens", "context", "learning_rate", "threads"):
            if getattr(self, name) <= 0:
                raise RefinerError(f"pretraining.{name} is {getattr(self, name)}: make it positive.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise RefinerError(
                f"pretraining.seeds is {list(self.seeds)}: give one or more seeds, each once, "
                "because a repeated seed repeats its result and feigns certainty."
            )
        if self.batch_tokens < self.context:
            raise RefinerError(
                f"pretraining.batch_tokens ({self.batch_tokens}) holds no context of {self.context} tokens: "
                "raise batch_tokens or lower context."
            )

    @classmethod
    def of(cls, section: PretrainingComparison, threads: int = 2) -> Self:
        """The settings of a domain's `pretraining` section; `threads`: CPU threads of a training step."""
        return cls(**section.model_dump(), threads=threads)

    @property
    def rows(self) -> int:
        """Contexts in a step."""
        return self.batch_tokens // self.context

    @property
    def budget(self) -> int:
        """Tokens that every model is trained to predict."""
        return self.steps * self.rows * self.context


Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What packing needs of a tokenizer. A text that spells a special token gets ordinary tokens for it."""

    encode: Callable[[str], list[int]]
    size: int
    separator: int
    unknown: int | None


@dataclass(frozen=True, slots=True)
class Reference:
    """Held-out text in contexts of ids and of the ids that follow them, (contexts, context) each.

    `counted` marks the targets that are text: separators and padding are not, nor are they in `tokens`.
    """

    inputs: Ids
    targets: Ids
    counted: NDArray[np.bool_]
    tokens: int
    characters: int


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read the tokenizer of a folder; its end-of-sequence token, or else `[SEP]`, sets documents apart.

    Raises:
        RefinerError: there is no fast tokenizer in the folder, or it has no token to separate documents.
    """
    tokenizer = _load(folder)
    tokenizer.backend_tokenizer.encode_special_tokens = True
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    separator = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    if separator is None:
        raise RefinerError(
            f"the tokenizer of {folder} has neither an eos nor a sep token to set documents apart: "
            "add one of them, or use the tokenizer of a refiner."
        )

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return Vocabulary(encode, len(tokenizer), separator, tokenizer.unk_token_id)


def _load(folder: Path) -> Any:
    if not (folder / "tokenizer.json").is_file():
        raise RefinerError(
            f"there is no tokenizer.json in {folder}: give the folder of a refiner checkpoint "
            "or of a saved fast tokenizer."
        )
    return load_tokenizer(folder)


def pack(name: str, texts: Iterable[str], vocabulary: Vocabulary, limit: int) -> Ids:
    """The first `limit` tokens of a corpus: separator, document, separator, document, …

    Reads no further than it must. Blank texts are passed over.

    Raises:
        InputError: no text has anything in it.
    """
    stream = array("q")
    for text in texts:
        if text.strip():
            stream.append(vocabulary.separator)
            stream.extend(vocabulary.encode(text))
        if len(stream) >= limit:
            break
    if not stream:
        raise InputError(
            f"the corpus {name!r} has no text to train on: leave it out of the comparison, "
            "or look in the funnel at where its documents were lost."
        )
    return np.array(stream[:limit], dtype=np.int64)


def batch(stream: Ids, numbers: Ids, context: int) -> Ids:
    """Contexts by number, each with the token after it: (len(numbers), context + 1).

    Context `n` starts at token `n * context` of the stream repeated without end.
    """
    positions = numbers[:, None] * context + np.arange(context + 1)
    contexts: Ids = stream[positions % len(stream)]
    return contexts


def schedule(settings: PretrainingSettings, seed: int) -> Ids:
    """The numbers of the contexts that each step trains on, (steps, rows): every one of the budget once."""
    numbers = np.random.default_rng(seed).permutation(settings.steps * settings.rows)
    return numbers.reshape(settings.steps, settings.rows)


def pack_reference(texts: Sequence[str], vocabulary: Vocabulary, context: int) -> Reference:
    """All of the reference in contexts in which every token is predicted once, (contexts, context).

    Raises:
        InputError: the reference is shorter than one context, so that it says nothing.
        RefinerError: the tokenizer lacks characters of the reference.
    """
    documents = [text for text in texts if text.strip()]
    stream = [token for text in documents for token in (vocabulary.separator, *vocabulary.encode(text))]
    if len(stream) < context:
        raise InputError(
            f"the reference text has {len(stream)} tokens, fewer than one context of {context}: "
            "give more held-out clean text, or lower pretraining.context."
        )
    if vocabulary.unknown is not None and vocabulary.unknown in stream:
        raise RefinerError(
            "the tokenizer has no tokens for some characters of the reference, so bits per character would "
            "leave them out: use a tokenizer that falls back to bytes."
        )
    padded = np.full(-(-len(stream) // context) * context + 1, vocabulary.separator)
    padded[: len(stream)] = stream
    targets = padded[1:].reshape(-1, context)
    return Reference(
        inputs=padded[:-1].reshape(-1, context),
        targets=targets,
        counted=targets != vocabulary.separator,
        tokens=len(stream) - len(documents),
        characters=sum(map(len, documents)),
    )


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
