"""Checkpoints of untrained models: an engine need not know what the weights are worth."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    PreTrainedTokenizerFast,
)

from prox_assets.inference import Task


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Path]:
    torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=300,
        hidden_size=64,  # heads of 32: the least that vLLM takes on a CPU
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=128,
        local_attention=16,
        classifier_pooling="mean",
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
    )
    found = {}
    for task, auto in (
        (Task.DOCUMENT, AutoModelForSequenceClassification),
        (Task.CHUNK, AutoModelForTokenClassification),
    ):
        found[task] = tmp_path_factory.mktemp("checkpoints") / task
        auto.from_config(config).save_pretrained(found[task])
    return found


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal language model of random weights, with a byte-level BPE tokenizer trained here."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["</s>"]
    )
    written = 'remove_lines(line_start=1, line_end=2)\nnormalize(source_str="the", target_str="")\nkeep_doc()'
    raw.train_from_iterator([written], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 5,  # more rows than the tokenizer has entries, as padded checkpoints have
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    folder = tmp_path_factory.mktemp("writer")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
