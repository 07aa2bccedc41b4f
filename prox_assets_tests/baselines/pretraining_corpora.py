"""Small corpora of made-up prose, a tokenizer for them, and settings that train in a second."""

import random
from pathlib import Path
from typing import Any

from prox_assets.baselines.pretraining_model import PretrainingSettings

SETTINGS = PretrainingSettings(
    steps=25, hidden_size=32, layers=1, batch_tokens=512, context=32, learning_rate=1e-2, threads=1
)
SUBJECTS = ["the old river", "a small engine", "our teacher", "the northern wind", "a quiet village"]
VERBS = ["carries", "remembers", "follows", "measures", "repairs"]
OBJECTS = [
    "the stones of the bridge",
    "every letter",
    "the morning train",
    "a field of barley",
    "its own echo",
]


def prose(seed: int, documents: int) -> list[str]:
    """Documents of eight sentences, the same for the same seed."""
    chance = random.Random(seed)
    return ["\n".join(_sentence(chance) for _ in range(8)) for _ in range(documents)]


def shuffled(texts: list[str], seed: int) -> list[str]:
    """The same words in no order."""
    chance = random.Random(seed)
    return [" ".join(chance.sample(words, len(words))) for words in map(str.split, texts)]


def save_tokenizer(folder: Path, **specials: str) -> Path:
    """A byte-level BPE of at most 400 tokens; `specials` as `PreTrainedTokenizerFast` names them."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = _byte_level(list(specials.values()))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **specials).save_pretrained(folder)
    return folder


def _byte_level(specials: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(prose(0, 50), trainer)
    return tokenizer


def _sentence(chance: random.Random) -> str:
    return f"{chance.choice(SUBJECTS)} {chance.choice(VERBS)} {chance.choice(OBJECTS)}.".capitalize()
