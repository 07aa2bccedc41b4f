"""The grammar in the engine that vLLM uses for it (llguidance), and through it in transformers."""

from typing import Any

import pytest
from hypothesis import given, settings

from prox_assets.programs import Program, Refused, Stage, parse, render
from prox_assets.programs.grammar import lark_grammar
from prox_assets_tests.programs.generated import programs

llguidance = pytest.importorskip("llguidance", reason="llguidance, vLLM's guidance backend, is not installed")

LINES = range(3, 47)
BYTES = llguidance.LLTokenizer("byte")


def matcher(tokenizer: Any, stage: Stage = Stage.CHUNK) -> Any:
    grammar = llguidance.grammar_from("lark", lark_grammar(stage, LINES))
    assert llguidance.LLMatcher.validate_grammar(grammar) == ""
    return llguidance.LLMatcher(tokenizer, grammar)


def accepts(text: str, stage: Stage = Stage.CHUNK) -> bool:
    state = matcher(BYTES, stage)
    tokens = BYTES.tokenize_str(text)
    return (
        state.validate_tokens(tokens) == len(tokens) and state.consume_tokens(tokens) and state.is_accepting()
    )


@given(programs(LINES, least=1))
@settings(max_examples=60, deadline=None)
def test_every_canonical_program_is_accepted(program: Program) -> None:
    assert accepts(render(program))


@pytest.mark.parametrize(
    "text",
    [
        "remove_lines(line_start=2, line_end=5)",
        "remove_lines(line_start=3, line_end=47)",
        'normalize(source_str="   ", target_str="")',
        "Sure! keep_chunk()",
        "keep_doc()",
    ],
)
def test_what_is_kept_out(text: str) -> None:
    assert not accepts(text)


def test_a_vocabulary_of_words_with_spaces_before_them_can_begin() -> None:
    assert accepts(" keep_chunk()") and accepts(" drop_doc()", Stage.DOCUMENT)
    assert not accepts("  keep_chunk()") and not accepts("keep_chunk()\n keep_chunk()")


def test_documents_have_a_grammar_too() -> None:
    assert accepts("keep_doc()", Stage.DOCUMENT) and accepts("drop_doc()", Stage.DOCUMENT)
    assert not accepts("keep_chunk()", Stage.DOCUMENT)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A byte-level BPE tokenizer trained here."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=["</s>"])
    raw.train_from_iterator(
        ['remove_lines(line_start=1, line_end=2)\nnormalize(source_str="the", target_str="")'], trainer
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>")


def test_a_model_that_knows_nothing_writes_only_programs(tokenizer: Any) -> None:
    """A transformers model with random weights, sampled through a logits processor made from the grammar."""
    import llguidance.hf
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor

    class Constrained(LogitsProcessor):
        def __init__(self) -> None:
            self.state = matcher(llguidance.hf.from_tokenizer(tokenizer))
            self.prompt: int | None = None

        def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
            if self.prompt is None:
                self.prompt = input_ids.shape[1]
            else:
                assert self.state.consume_token(int(input_ids[0, -1]))
            allowed = torch.frombuffer(bytearray(self.state.compute_logit_bias()), dtype=torch.uint8) > 0
            return scores.masked_fill(~allowed[: scores.shape[1]], -torch.inf)

    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=512, **size))
    prompt = torch.tensor([tokenizer.encode("[doc]\n[003]the menu\n[/doc]\n")])
    finished = 0
    for seed in range(5):
        torch.manual_seed(seed)
        out = model.generate(
            prompt,
            do_sample=True,
            max_new_tokens=40,
            logits_processor=[Constrained()],
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )[0, prompt.shape[1] :]
        ended = bool(out[-1] == tokenizer.eos_token_id)
        program = parse(tokenizer.decode(out, skip_special_tokens=True), Stage.CHUNK)
        codes = [refusal.code for refusal in program.refusals]
        assert codes == [] if ended else set(codes) <= {Refused.CUT_OFF}
        assert not ended or program.calls
        finished += ended
    assert finished
