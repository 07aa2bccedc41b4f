"""Checkpoints as ProX released them: Llama weights, a `tokenizer.model`, no word on how to ask them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from prox_assets.config import CausalArchitecture
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.checkpoint import read_info
from prox_assets.refiner.generative.model import llama_config, train_pieces
from prox_assets.refiner.generative.prompts import PromptLayout, read_writing
from prox_assets.refiner.generative.recipe import CausalRecipe
from prox_assets.refiner.generative.refiners import GenerativeChunkRefiner, GenerativeDocumentRefiner
from prox_assets.refiner.generative.training import train_generative_refiner
from prox_assets.sample import SamplePage
from prox_assets_tests.real import real_data
from prox_assets_tests.refiner.generative.conftest import TINY, recipe, some_pages
from prox_assets_tests.refiner.tables import chunk_table, document_table

pytest.importorskip("llguidance", reason="llguidance, which holds models to a grammar, is not installed")
SETTINGS = EngineSettings(device="cpu", threads=1)


def _release(folder: Path, sizes: CausalArchitecture, pieces: bytes) -> Path:
    """An untrained model of the released kind."""
    torch.manual_seed(0)
    LlamaForCausalLM(llama_config(sizes, bos_token_id=1, eos_token_id=2)).save_pretrained(folder)
    (folder / "tokenizer.model").write_bytes(pieces)
    return folder


@pytest.mark.parametrize("layout", PromptLayout)
def test_the_layout_it_was_trained_with_is_found(layout: PromptLayout, tmp_path: Path) -> None:
    pages = some_pages(120)
    pieces = train_pieces([page.text for page in pages] + ["keep_doc()\ndrop_doc()"] * 40, 1200)
    base = _release(tmp_path / "base", TINY, pieces)
    taught = recipe(Task.DOCUMENT, 5, base=str(base), layout=layout)
    done = train_generative_refiner(document_table(pages), taught, tmp_path / "taught")
    for name in ("tokenizer.json", "tokenizer_config.json", "prox.json", "writing.json", "curves.json"):
        (done.path / name).unlink()
    (done.path / "tokenizer.model").write_bytes(pieces)

    released = replace(recipe(Task.DOCUMENT, 1), checkpoint=str(done.path))
    taken = train_generative_refiner(document_table(pages), released, tmp_path / "taken")
    writing = read_writing(taken.path)
    assert writing.layout is layout
    assert [score.layout for score in writing.probed] == [
        layout,
        *(one for one in PromptLayout if one is not layout),
    ]
    best, other = writing.probed
    assert (best.well_formed, best.log_probability) > (other.well_formed, other.log_probability)
    assert taken.curves.steps == [] and "training" not in taken.info.recipe
    assert (taken.path / "tokenizer.json").is_file()
    before = taken.info.metrics
    assert before["f1"] == pytest.approx(done.info.metrics["f1"])
    refiner = GenerativeDocumentRefiner.load(taken.path, SETTINGS)
    assert refiner.thresholds == read_info(taken.path, Task.DOCUMENT).thresholds


@pytest.mark.slow
def test_a_release_of_the_real_size(few_pages: Sequence[SamplePage], tmp_path: Path) -> None:
    """354,284,800 parameters and Llama's own tokenizer, which knows nothing yet: probed, judged, asked."""
    pieces = (real_data() / "tokenizers" / "llama" / "tokenizer.model").read_bytes()
    release = _release(tmp_path / "release", CausalArchitecture(), pieces)
    assert sum(file.stat().st_size for file in release.glob("*.safetensors")) > 4 * 354_284_800
    asked = CausalRecipe(Task.CHUNK, checkpoint=str(release), window=400, max_new_tokens=24)
    done = train_generative_refiner(chunk_table(few_pages[:3]), asked, tmp_path / "refiner")
    assert len(read_writing(done.path).probed) == len(PromptLayout)
    refiner = GenerativeChunkRefiner.load(done.path, SETTINGS)
    ((found, *_),) = refiner.refine([few_pages[0].text])
    assert found.program_text.startswith(("keep_chunk", "remove_lines", "normalize"))
