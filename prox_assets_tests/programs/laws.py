"""What holds for any text and any program: shared by the property tests and the fuzzers."""

from collections.abc import Sequence

from prox_assets.chunking import chunk_lines, line_spans, numbered, whole
from prox_assets.programs import (
    REGISTRY,
    Outcome,
    Program,
    Rails,
    Stage,
    apply_edits,
    execute_chunks,
    execute_document,
    parse,
    removed_line_numbers,
    render,
    revert_edits,
    with_removed,
)
from prox_assets.programs.arguments import encodes

EVERYTHING = REGISTRY.enabling("remove_str", "replace_str")
NO_RAILS = Rails(max_removed_share=1, max_added_share=1e9, min_kept_chars=0)


def check_program(text: str, source: str, rails: Rails = NO_RAILS) -> None:
    """Read `source` as a program and run it on `text` in one chunk."""
    program = parse(source, Stage.CHUNK, EVERYTHING)
    assert all(0 <= refusal.at < len(source) for refusal in program.refusals)
    assert parse(render(program, EVERYTHING), Stage.CHUNK, EVERYTHING) == Program(program.calls)
    execute_document(parse(source, Stage.DOCUMENT, EVERYTHING), EVERYTHING)
    check_execution(text, program, rails)
    assert not encodes(text) or encodes(execute_chunks(text, [(whole(text), program, None)], rails).text)


def check_execution(text: str, program: Program, rails: Rails = NO_RAILS) -> None:
    """Run a program on a whole text: it ends, is on record, and the record leads there and back."""
    chunk = whole(text)
    execution = execute_chunks(text, [(chunk, program, None)], rails, EVERYTHING)
    assert apply_edits(text, execution.edits) == execution.text
    assert revert_edits(execution.text, execution.edits) == text
    stored = [edit._replace(removed="") for edit in execution.edits]
    assert with_removed(text, stored) == list(execution.edits)
    for edit in execution.edits:
        assert 0 <= edit.start <= edit.stop <= len(text)
        assert edit.outcome == Outcome.APPLIED or not edit.replacement
    recorded = {edit.position for edit in execution.edits if edit.chunk >= 0}
    assert recorded >= set(range(max(len(program.calls), len(program.refusals))))
    if not any(edit.replacement for edit in execution.edits):
        assert is_subsequence(execution.text, text)
    if program.calls and all(call.name == "keep_chunk" for call in program.calls):
        assert execution.text == text
    if rails is NO_RAILS and not any(call.name != "remove_lines" for call in program.calls):
        gone = set(removed_line_numbers(program, chunk, EVERYTHING))
        assert execution.text == "\n".join(line for i, line in enumerate(text.split("\n")) if i not in gone)


def is_subsequence(part: str, text: str) -> bool:
    """Say whether `part` can be made from `text` by deletions alone."""
    characters = iter(text)
    return all(character in characters for character in part)


def check_chunking(text: str, starts: Sequence[int], window: int, overlap: int) -> None:
    """Cut a text: the chunks are the text, within the window, and show their lines."""
    chunks = chunk_lines(text, starts, window, overlap)
    assert "".join(text[c.start : c.stop] for c in chunks) == text
    assert [text[begin:end] for begin, end in line_spans(text)] == text.split("\n")
    for chunk in chunks:
        begin = chunk.start - chunk.context_chars
        count = sum(begin <= start < chunk.stop for start in starts)
        assert count <= window or chunk.stop == chunk.start + 1
        assert chunk.line_start < chunk.line_stop
        shown = chunk.line_stop - chunk.line_start + chunk.context_lines
        assert numbered(text, chunk).count("\n") == shown - 1
