"""One entry makes a call: everything that is derived from the registry changes with it."""

from pathlib import Path

import pytest
from lark import Lark

from prox_assets.chunking import whole
from prox_assets.errors import ProgramError
from prox_assets.programs import (
    REGISTRY,
    Call,
    CallSpec,
    Form,
    Outcome,
    Parameter,
    ParameterKind,
    Program,
    Rails,
    Refused,
    Registry,
    Stage,
    Touches,
    execute_chunks,
    execute_document,
    parse,
    removed_line_numbers,
    render_call,
)
from prox_assets.programs.actions import Effect, Scope
from prox_assets.programs.program import MEANINGS, Arguments
from prox_assets.programs.registry import Alias
from prox_assets.programs.rendering import documentation, lark_grammar, legend, prompt_text

DOCS = Path(__file__).parents[2] / "docs" / "programs.md"


def remove_after(scope: Scope, arguments: Arguments) -> Effect:
    """Delete every line after the given one."""
    return scope.owned(int(arguments[0]) + 1, scope.chunk.line_stop - 1)


REMOVE_AFTER = CallSpec(
    "remove_after",
    Stage.CHUNK,
    Touches.LINES,
    (
        Form(
            (
                Parameter("line", ParameterKind.LINE, "the last line that stays", ("after",)),
                Parameter("why", ParameterKind.TEXT, "a word on the reason", default="", max_length=5),
            ),
            remove_after,
        ),
    ),
    "Delete every line after the given one.",
    "this test",
    aliases=(Alias("cut_tail", "this test"),),
    key="tail",
)


def test_a_new_entry_reaches_every_part() -> None:
    registry = REGISTRY.adding(REMOVE_AFTER)
    text, source = 'cut_tail(after=0, why="foot")', "text\nfooter\nmore footer"
    assert parse(text, Stage.CHUNK).refusals[0].code == Refused.UNKNOWN_CALL

    program = parse(text, Stage.CHUNK, registry)
    assert program.calls == (Call("remove_after", (0, "foot")),)
    canonical = render_call(program.calls[0], registry)
    assert canonical == 'remove_after(line=0, why="foot")'
    assert Lark(lark_grammar(Stage.CHUNK, range(3), registry), parser="lalr").parse(canonical)

    rails = Rails(min_kept_chars=0)
    execution = execute_chunks(source, [(whole(source), program, None)], rails, registry)
    assert execution.text == "text"
    assert [(edit.call, edit.outcome) for edit in execution.edits] == [("tail", Outcome.APPLIED)]
    assert removed_line_numbers(program, whole(source), registry) == [1, 2]

    assert 'remove_after(line, why=""): Delete every line after' in prompt_text(Stage.CHUNK, registry)
    assert legend(registry)["tail"] == REMOVE_AFTER.sentence
    assert "| `cut_tail()` | `remove_after()` | this test |" in documentation(registry)


def test_limits_of_a_parameter_hold_in_parser_and_grammar() -> None:
    registry = REGISTRY.adding(REMOVE_AFTER)
    text = 'remove_after(line=0, why="too long")'
    assert parse(text, Stage.CHUNK, registry).refusals[0].code == Refused.TOO_LONG
    with pytest.raises(Exception, match="line 1"):
        Lark(lark_grammar(Stage.CHUNK, range(3), registry), parser="lalr").parse(text)


def test_what_prompts_say_follows_what_is_on() -> None:
    assert prompt_text(Stage.DOCUMENT).splitlines()[0] == "keep_doc(): Keep the document for training."
    assert "remove_str" not in prompt_text(Stage.CHUNK)
    assert "remove_str(line, source_str)" in prompt_text(Stage.CHUNK, REGISTRY.enabling("remove_str"))
    assert "add_line" not in prompt_text(Stage.CHUNK)


def test_the_documentation_is_that_of_the_registry() -> None:
    written = DOCS.read_text(encoding="utf-8")
    assert documentation() in written, "paste what `python -m prox_assets.programs.rendering` prints"


def test_every_code_is_explained() -> None:
    assert set(MEANINGS) == {*Outcome, *Refused}


def test_two_calls_cannot_share_a_name() -> None:
    with pytest.raises(ProgramError, match="two calls are named 'keep_chunk'"):
        Registry((*REGISTRY.specs, REGISTRY.specs[2]))


def test_a_string_has_one_limit() -> None:
    with pytest.raises(ProgramError, match="visible and bounded"):
        Parameter("x", ParameterKind.TEXT, "", visible=True, max_length=3)


@pytest.mark.parametrize("spec", [s for s in REGISTRY.specs if s.idempotent], ids=lambda s: s.name)
def test_doing_twice_what_is_idempotent_equals_doing_it_once(spec: CallSpec) -> None:
    program, text = Program((Call(spec.name),)), "menu\ntext"
    if spec.stage is Stage.DOCUMENT:
        assert execute_document(program) == execute_document(Program(program.calls * 2))
    else:
        once = execute_chunks(text, [(whole(text), program, None)]).text
        assert execute_chunks(once, [(whole(once), program, None)]).text == once
