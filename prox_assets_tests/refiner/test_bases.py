"""Base models of families that count positions or padding in their own way: trained, or refused before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModel,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
)

from prox_assets import cli
from prox_assets.config import GenerativeRefiner, ScoringRefiner, Training
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.bases import require_bases
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.refiner import ChunkRefiner, DocumentRefiner
from prox_assets.refiner.scoring.training import train_chunk_refiner, train_document_refiner
from prox_assets.refiner.tokenization import train_tokenizer
from prox_assets.sample import SamplePage
from prox_assets_tests.refiner.generative.conftest import some_pages
from prox_assets_tests.refiner.tables import chunk_table, document_table

POSITIONS = 96
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES: dict[str, Callable[[int], Any]] = {
    "bert": lambda size: BertConfig(
        vocab_size=size, max_position_embeddings=POSITIONS, pad_token_id=0, **SIZES
    ),
    "xlm-roberta": lambda size: XLMRobertaConfig(
        vocab_size=size, max_position_embeddings=POSITIONS + 2, pad_token_id=1, **SIZES
    ),
    "gpt2": lambda size: GPT2Config(vocab_size=size, n_positions=POSITIONS, n_embd=32, n_layer=1, n_head=2),
    "llama": lambda size: LlamaConfig(vocab_size=size, max_position_embeddings=POSITIONS, **SIZES),
}


@pytest.fixture(scope="module")
def page_list() -> list[SamplePage]:
    return list(some_pages(60))


@pytest.fixture
def base(request: pytest.FixtureRequest, page_list: list[SamplePage], tmp_path: Path) -> Path:
    """A base of the family that the test names; causal families have a tokenizer without padding."""
    torch.manual_seed(0)
    folder = tmp_path / "base"
    tokenizer = train_tokenizer([page.text for page in page_list], 600)
    if request.param in ("gpt2", "llama"):
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer.backend_tokenizer,
            unk_token="[UNK]",
            bos_token="[CLS]",
            eos_token="[SEP]",
        )
    config = FAMILIES[request.param](len(tokenizer))
    model = LlamaForCausalLM(config) if request.param == "llama" else AutoModel.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("base", FAMILIES, indirect=True)
def test_every_family_is_trained_at_its_full_window(
    base: Path, page_list: list[SamplePage], tmp_path: Path
) -> None:
    training = Training(epochs=1, max_steps=1, batch_tokens=1024, threads=1)
    long = "word and word again\n" * 200
    documents = Recipe(Task.DOCUMENT, base=str(base), window=POSITIONS, training=training)
    done = train_document_refiner(document_table(page_list), documents, tmp_path / "documents")
    refiner = DocumentRefiner.load(done.path, EngineSettings(threads=1))
    together = [score.keep_probability for score in refiner.score([long, "A short one.", "Another"])]
    alone = [refiner.score([text])[0].keep_probability for text in (long, "A short one.", "Another")]
    assert together == pytest.approx(alone, abs=1e-5), "padding has no say"
    chunks = Recipe(Task.CHUNK, base=str(base), window=POSITIONS, overlap=8, training=training)
    edited = train_chunk_refiner(chunk_table(page_list), chunks, tmp_path / "chunks")
    (results,) = ChunkRefiner.load(edited.path, EngineSettings(threads=1)).refine([long])
    assert len(results) > 5 and not any(result.failed for result in results)


def _section(base: Path, window: int) -> ScoringRefiner:
    return ScoringRefiner.model_validate({"chunk": {"base": str(base), "window": window}})


@pytest.mark.parametrize("base", FAMILIES, indirect=True)
def test_a_base_is_refused_before_anything_is_paid_for(base: Path) -> None:
    require_bases(_section(base, POSITIONS))
    with pytest.raises(
        RefinerError, match=f"window of {POSITIONS + 1} tokens is longer than the {POSITIONS}"
    ):
        require_bases(_section(base, POSITIONS + 1))
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    with pytest.raises(RefinerError, match="as a pickle"):
        require_bases(_section(base, POSITIONS))
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "theirs.Model"}}))
    with pytest.raises(RefinerError, match=r"theirs\.Model"):
        require_bases(_section(base, POSITIONS))


@pytest.mark.parametrize("base", ["llama"], indirect=True)
def test_a_causal_base_has_room_for_prompt_and_answer(base: Path) -> None:
    recipe = {"base": str(base), "window": 32, "max_new_tokens": 8}
    require_bases(GenerativeRefiner.model_validate({"kind": "generative", "chunk": recipe}))
    with pytest.raises(RefinerError, match=f"may be written; the model takes {POSITIONS} together"):
        wide = recipe | {"window": 90}
        require_bases(GenerativeRefiner.model_validate({"kind": "generative", "chunk": wide}))


def test_a_tokenizer_that_can_fill_no_batch_is_refused(page_list: list[SamplePage], tmp_path: Path) -> None:
    folder = tmp_path / "base"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer([page.text for page in page_list], 600).backend_tokenizer
    )
    AutoModel.from_config(FAMILIES["llama"](len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with pytest.raises(RefinerError, match=r"no padding token.*Set tokenizer\.pad_token"):
        require_bases(_section(folder, POSITIONS))


def test_teach_looks_at_the_bases_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pages.jsonl").write_text('{"id": "a", "text": "b"}\n')
    (tmp_path / "catalogue.yaml").write_text(
        "storage: storage\n"
        "domains:\n"
        "  web:\n"
        "    inputs: [{path: pages.jsonl}]\n"
        "    teacher: {kind: rules}\n"
        f"    refiner: {{document: {{base: {tmp_path / 'nothing'}}}}}\n"
    )
    status = cli.main(["teach", "web", "--catalogue", str(tmp_path / "catalogue.yaml")])
    (said,) = capsys.readouterr().err.splitlines()
    assert status == 1 and "No model at" in said and "refiner.base" in said
