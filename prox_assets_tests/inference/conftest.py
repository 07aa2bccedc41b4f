"""Checkpoints of untrained models: an engine need not know what the weights are worth."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, ModernBertConfig

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
