"""A language model learns to write programs; its checkpoint says how it is asked, and anyone can load it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from prox_assets.config import CausalArchitecture, Lora
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task
from prox_assets.programs import Stage, parse
from prox_assets.refiner.checkpoint import CARD_FILE, read_curves, read_info
from prox_assets.refiner.evaluation import evaluate_lines
from prox_assets.refiner.generative.prompts import PromptLayout, read_writing
from prox_assets.refiner.generative.refiners import GenerativeChunkRefiner, GenerativeDocumentRefiner
from prox_assets.refiner.generative.training import train_generative_refiner
from prox_assets.refiner.metrics import roc_auc
from prox_assets.refiner.scoring.training import TrainedRefiner
from prox_assets.sample import SamplePage
from prox_assets_tests.refiner.generative.conftest import recipe, some_pages
from prox_assets_tests.refiner.tables import chunk_table, document_table, labels_table

pytest.importorskip("llguidance", reason="llguidance, which holds models to a grammar, is not installed")
SETTINGS = EngineSettings(device="cpu", threads=1)


def test_the_chunk_refiner_learns_its_pages_and_writes_only_programs(
    writing_chunks: TrainedRefiner, known_pages: Sequence[SamplePage], few_pages: Sequence[SamplePage]
) -> None:
    refiner = GenerativeChunkRefiner.load(writing_chunks.path, SETTINGS)
    texts = [page.text for page in few_pages]
    found = [chunk for chunks in refiner.refine(texts) for chunk in chunks]
    programs = [parse(chunk.program_text, Stage.CHUNK) for chunk in found if chunk.error is None]
    assert len(programs) > 0.9 * len(found)
    assert all(program.calls and not program.refusals for program in programs)
    assert evaluate_lines(refiner, labels_table(known_pages)).f1 > 0.9
    losses = [point.loss for point in writing_chunks.curves.steps]
    assert sum(losses[-5:]) < sum(losses[:5]) / 5
    assert writing_chunks.info.metrics["malformed_share"] <= writing_chunks.info.metrics["cut_off_share"]


def test_the_document_refiner_learns(writing_documents: TrainedRefiner) -> None:
    others = some_pages(260)[180:]
    refiner = GenerativeDocumentRefiner.load(writing_documents.path, SETTINGS)
    scores = np.array([score.keep_probability for score in refiner.score([page.text for page in others])])
    keep = np.array([page.keep for page in others])
    assert roc_auc(scores, keep) > 0.7
    assert writing_documents.info.metrics["roc_auc"] > 0.7


def test_without_a_grammar_it_writes_freely(
    writing_chunks: TrainedRefiner, few_pages: Sequence[SamplePage], tmp_path: Path
) -> None:
    table = chunk_table(few_pages)
    once = recipe(Task.CHUNK, 1, base=str(writing_chunks.path), grammar=False)
    gentle = replace(
        once, training=once.training.model_copy(update={"max_steps": 1, "peak_learning_rate": 1e-9})
    )
    done = train_generative_refiner(table, gentle, tmp_path / "free")
    assert not read_writing(done.path).grammar
    refiner = GenerativeChunkRefiner.load(done.path, SETTINGS)
    assert all(one.prompt.grammar is None for chunks in refiner._writer.chunks(["a\nb"]) for one in chunks)


def test_the_directory_says_what_it_is(writing_chunks: TrainedRefiner) -> None:
    info, writing = read_info(writing_chunks.path, Task.CHUNK), read_writing(writing_chunks.path)
    assert (info.kind, writing.layout, writing.probed) == ("generative", PromptLayout.PLAIN_DOC, ())
    assert read_curves(writing_chunks.path) == writing_chunks.curves
    card = (writing_chunks.path / CARD_FILE).read_text()
    for part in (
        "Generated pages.",
        "from scratch",
        "f1: 0.",
        "Licence",
        "AutoModelForCausalLM",
        "batch_size",
    ):
        assert part in card


def test_adapters_are_merged_into_a_plain_checkpoint(
    writing_documents: TrainedRefiner, tmp_path: Path
) -> None:
    pytest.importorskip("peft", reason="the extra lora is not installed")
    adapted = recipe(Task.DOCUMENT, 1, base=str(writing_documents.path), lora=Lora(rank=4, alpha=8))
    adapted = replace(adapted, training=adapted.training.model_copy(update={"max_steps": 4}))
    done = train_generative_refiner(document_table(some_pages(80)), adapted, tmp_path / "adapted")
    names = {path.name for path in done.path.iterdir()}
    assert "model.safetensors" in names and "adapter_config.json" not in names
    before = GenerativeDocumentRefiner.load(writing_documents.path, SETTINGS).score(["A text."])
    assert GenerativeDocumentRefiner.load(done.path, SETTINGS).score(["A text."]) != before


def test_a_window_too_long_for_the_model(few_pages: Sequence[SamplePage], tmp_path: Path) -> None:
    long = replace(recipe(Task.CHUNK, 1), window=500)
    with pytest.raises(RefinerError, match="takes 512 together"):
        train_generative_refiner(chunk_table(few_pages), long, tmp_path / "long")


def test_a_model_that_does_not_exist(few_pages: Sequence[SamplePage], tmp_path: Path) -> None:
    for origin in ("base", "checkpoint"):
        broken = recipe(Task.CHUNK, 1, **{origin: str(tmp_path / "nowhere")})
        with pytest.raises(RefinerError, match=r"refiner\.checkpoint"):
            train_generative_refiner(chunk_table(few_pages), broken, tmp_path / "refiner")


def test_the_defaults_are_the_released_model() -> None:
    """FIELD 1.4: the paper's count of parameters, which holds with one key-value head only."""
    from transformers import LlamaForCausalLM

    from prox_assets.refiner.generative.model import llama_config

    with torch.device("meta"):
        model = LlamaForCausalLM(llama_config(CausalArchitecture()))
    assert sum(parameter.numel() for parameter in model.parameters()) == 354_284_800
