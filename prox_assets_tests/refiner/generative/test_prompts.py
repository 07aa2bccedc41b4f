"""Prompts: whole layouts however long the text, chunks that make the document, room that is kept."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prox_assets.programs import Stage
from prox_assets.programs.rendering import lark_grammar
from prox_assets.refiner.generative.prompts import PreparedChunk, PromptLayout, PromptWriter
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.sample import SamplePage

WINDOW = 64


def _text(writer: PromptWriter, ids: Sequence[int]) -> str:
    text: str = writer.tokenizer.tokenizer.decode(ids)
    return text.removeprefix("<s>").removeprefix(" ")


@pytest.mark.parametrize(
    ("layout", "document", "chunk"),
    [
        (PromptLayout.PLAIN_DOC, "[doc]\na\nb\n[/doc]\n", "[doc]\n[000]a\n[001]b\n[/doc]\n"),
        (PromptLayout.LLAMA2, "[INST] a\nb [/INST]", "[INST] [doc]\n[000]a\n[001]b\n[/doc] [/INST]"),
    ],
)
def test_layouts(tokenizer: TextTokenizer, layout: PromptLayout, document: str, chunk: str) -> None:
    writer = PromptWriter(tokenizer, layout, WINDOW, grammar=True)
    (one,), ((two,),) = writer.documents(["a\nb"]), writer.chunks(["a\nb"])
    assert one.ids[0] == two.prompt.ids[0] == tokenizer.tokenizer.bos_token_id
    assert _text(writer, one.ids) == document
    assert _text(writer, two.prompt.ids) == chunk
    assert two.prompt.grammar == lark_grammar(Stage.CHUNK, range(2))


@pytest.mark.parametrize("layout", PromptLayout)
def test_a_long_document_is_cut_inside_the_layout(
    tokenizer: TextTokenizer, layout: PromptLayout, few_pages: Sequence[SamplePage]
) -> None:
    """ProX's driver cut the prompt's end off instead, and with it the end of the layout."""
    writer = PromptWriter(tokenizer, layout, WINDOW, grammar=True)
    cut = 0
    for page, found in zip(few_pages, writer.documents([page.text for page in few_pages]), strict=True):
        shown = _text(writer, found.ids)
        assert shown.endswith("[/INST]" if layout is PromptLayout.LLAMA2 else "[/doc]\n")
        assert len(found.ids) <= writer.longest
        assert found.n_tokens_seen == min(found.n_tokens, WINDOW)
        cut += found.n_tokens_seen < found.n_tokens
        inside = shown.removeprefix("[doc]\n").removeprefix("[INST] ")
        inside = inside.removesuffix("\n[/doc]\n").removesuffix(" [/INST]")
        assert page.text.strip().startswith(inside.strip().rstrip("\ufffd"))
    assert cut > 10


@pytest.mark.parametrize("layout", PromptLayout)
def test_a_page_cannot_end_its_prompt(tokenizer: TextTokenizer, layout: PromptLayout) -> None:
    """Literal `</s>` and `<s>` in a page are text: the one special token of a prompt is its first."""
    writer = PromptWriter(tokenizer, layout, WINDOW, grammar=False)
    page = "a line </s> of a\nforum <s> on <unk>"
    (one,), ((two,),) = writer.documents([page]), writer.chunks([page])
    for ids in (one.ids, two.prompt.ids):
        specials = [token for token in ids if token in tokenizer.tokenizer.all_special_ids]
        assert specials == [tokenizer.tokenizer.bos_token_id] == [ids[0]]
    assert page in _text(writer, one.ids)
    assert writer.answer(page)[-1] not in tokenizer.tokenizer.all_special_ids


TEXT = st.text(st.sampled_from("ab \n.é中🙂[0]"), max_size=400)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, layout=st.sampled_from(PromptLayout), window=st.integers(8, 60))
def test_chunks_make_the_document_and_fit(
    tokenizer: TextTokenizer, text: str, layout: PromptLayout, window: int
) -> None:
    writer = PromptWriter(tokenizer, layout, window, grammar=False)
    (found,) = writer.chunks([text])
    assert "".join(text[one.chunk.start : one.chunk.stop] for one in found) == text
    assert sum(one.n_tokens for one in found) == len(tokenizer([text])[0])
    for one in found:
        assert len(one.prompt.ids) <= writer.longest
        assert _labels(writer, one) == [
            f"[{number:03d}]" for number in range(one.first, one.first + _lines(one))
        ]


def test_labels_of_late_lines_have_three_digits(tokenizer: TextTokenizer) -> None:
    (found,) = PromptWriter(tokenizer, PromptLayout.PLAIN_DOC, 400, grammar=True).chunks(["a\n" * 1100])
    firsts = {one.chunk.line_start: one.first for one in found}
    assert all(
        first == (start if start < 900 else 0) or 900 <= start < 1000 for start, first in firsts.items()
    )
    assert 0 in [first for start, first in firsts.items() if start > 1000]
    late = next(one for one in found if one.chunk.line_start > 1000)
    assert late.prompt.grammar == lark_grammar(Stage.CHUNK, range(_lines(late)))


def _lines(one: PreparedChunk) -> int:
    return one.chunk.line_stop - one.chunk.line_start


def _labels(writer: PromptWriter, one: PreparedChunk) -> list[str]:
    shown = _text(writer, one.prompt.ids).split("[doc]\n", 1)[1].split("\n")
    return [line[:5] for line in shown[: _lines(one)]]
