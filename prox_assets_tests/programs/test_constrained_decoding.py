"""The grammar in the engine that vLLM uses for it (llguidance); models write under it in tests/inference."""

from typing import Any

import pytest
from hypothesis import given, settings

from prox_assets.programs import Program, Stage, render
from prox_assets.programs.rendering import lark_grammar
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
