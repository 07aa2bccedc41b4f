"""What a chunk refiner is taught to write: programs that the grammar allows and that remove the noise."""

from collections.abc import Sequence

import pytest
from lark import Lark

from prox_assets.chunking import Chunk, whole
from prox_assets.programs import Outcome, Rails, Stage, execute_chunks, parse, shifted
from prox_assets.refiner.data import LabelledText
from prox_assets.refiner.generative.completions import chunk_target
from prox_assets.refiner.generative.prompts import PromptLayout, PromptWriter
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.sample import SamplePage
from prox_assets_tests.refiner.tables import noise_spans

NO_RAILS = Rails(max_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)


def test_targets_remove_the_noise_and_nothing_else(
    tokenizer: TextTokenizer, few_pages: Sequence[SamplePage]
) -> None:
    writer = PromptWriter(tokenizer, PromptLayout.PLAIN_DOC, 200, grammar=True)
    calls: set[str] = set()
    for page in (page for page in few_pages if page.keep):
        row, programs = LabelledText(page.text, noise_spans(page), ()), []
        (chunks,) = writer.chunks([page.text])
        for one in chunks:
            target = chunk_target(row, "", one.chunk)
            assert target is not None
            Lark(one.prompt.grammar or "").parse(target)
            program = shifted(parse(target, Stage.CHUNK), one.chunk.line_start - one.first)
            assert not program.refusals
            calls |= {call.name for call in program.calls}
            programs.append((one.chunk, program, None))
        done = execute_chunks(page.text, programs, NO_RAILS)
        assert {edit.outcome for edit in done.edits} <= {Outcome.APPLIED, Outcome.KEPT, Outcome.COVERED}
        assert _visible(done.text) == _visible(_without(page.text, noise_spans(page)))
    assert calls == {"keep_chunk", "remove_lines", "normalize"}


def test_blank_lines_go_with_their_neighbours() -> None:
    text = "Home\n\nAbout\n\nText."
    row = LabelledText(text, [(0, 4), (6, 11)], ())
    assert chunk_target(row, "", whole(text)) == "remove_lines(line_start=0, line_end=2)"


def test_lines_beyond_the_thousandth_are_numbered_from_the_first_shown() -> None:
    text = "a\n" * 1200 + "Home\nb"
    start = 2 * 1199
    chunk = Chunk(5, 1199, 1202, start, len(text))
    row = LabelledText(text, [(2400, 2404)], ())
    assert chunk_target(row, "", chunk) == "remove_lines(line_start=1, line_end=1)"


def test_replacements_of_the_program_are_kept() -> None:
    text = "The cofee is hot.\nHome"
    row = LabelledText(text, [(18, 22)], ())
    program = (
        'normalize(source_str="cofee", target_str="coffee")\nnormalize(source_str="tea", target_str="Tea")'
    )
    assert chunk_target(row, program, whole(text)) == (
        'remove_lines(line_start=1, line_end=1)\nnormalize(source_str="cofee", target_str="coffee")'
    )


@pytest.mark.parametrize(("stop", "judged"), [(2, True), (9, False)])
def test_what_nobody_judged_is_no_lesson(stop: int, judged: bool) -> None:
    text = "some words and others"
    assert (chunk_target(LabelledText(text, (), [(0, stop)]), "", whole(text)) is not None) == judged


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    gone = {place for start, stop in spans for place in range(start, stop)}
    return "".join(character for place, character in enumerate(text) if place not in gone)


def _visible(text: str) -> str:
    return "".join(text.split())
