"""What becomes of what a model writes: the document's line numbers, cut-offs that are on record."""

import pytest

from prox_assets.chunking import Chunk
from prox_assets.inference import Generation, Prompt
from prox_assets.programs import Refused, Stage, parse
from prox_assets.refiner.generative.prompts import PreparedChunk
from prox_assets.refiner.generative.refiners import written_chunk


def _written(text: str, finished: bool = True, line_start: int = 1200, first: int = 0) -> str:
    return _result(text, finished, line_start, first).program_text


def _result(text: str, finished: bool, line_start: int, first: int):  # type: ignore[no-untyped-def]
    chunk = Chunk(3, line_start, line_start + 5, 100, 200)
    return written_chunk(PreparedChunk(chunk, 40, Prompt((1,)), first), Generation((7, 8, 9), text, finished))


def test_labels_become_line_numbers_of_the_document() -> None:
    program = ' remove_lines(line_start=0, line_end=1)\nnormalize(source_str="a", target_str="")'
    found = _result(program, True, 1200, 0)
    assert found.program_text == (
        'remove_lines(line_start=1200, line_end=1201)\nnormalize(source_str="a", target_str="")'
    )
    assert found.line_scores == (1.0, 1.0, 0.0, 0.0, 0.0)
    assert found.error is None
    same = _result("remove_lines(line_start=13, line_end=14)", True, 12, 12)
    assert same.line_scores == (0.0, 1.0, 1.0, 0.0, 0.0)


@pytest.mark.parametrize(("line_start", "first"), [(1200, 0), (2, 2)])
def test_what_is_cut_off_is_refused_and_its_whole_calls_stand(line_start: int, first: int) -> None:
    text = f"remove_lines(line_start={first}, line_end={first})\nremove_lines(line_start={first + 2}, line_e"
    found = _result(text, False, line_start, first)
    program = parse(found.program_text, Stage.CHUNK)
    assert [call.arguments for call in program.calls] == [(line_start, line_start)]
    assert [refusal.code for refusal in program.refusals] == [Refused.CUT_OFF]
    assert found.error == "cut off after 3 tokens"
    assert found.line_scores[0] == 1.0 and sum(found.line_scores) == 1.0


def test_nothing_written_keeps_the_chunk() -> None:
    assert _result("", False, 2, 2).line_scores == (0.0,) * 5
    assert _written("keep_chunk()") == "keep_chunk()"
