"""Texts made ready for a generative refiner: prompts as token ids. Needs the tokenizer, no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from prox_assets.chunking import Chunk, chunk_lines, line_spans
from prox_assets.inference import Prompt
from prox_assets.programs import DROP_DOC, KEEP_DOC
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.generative.layout import Layout, first_label
from prox_assets.refiner.prepared import PreparedDocument
from prox_assets.refiner.tokenized import Ints, TextTokenizer

ANSWERS = (KEEP_DOC, DROP_DOC)
_SEAMS = 8  # tokens by which a text in a prompt may be longer than alone
_LABEL = "[000]"


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk with its prompt. `n_tokens` of the source start in it; `first` is its first line's label."""

    chunk: Chunk
    n_tokens: int
    prompt: Prompt
    first: int


class PromptWriter:
    """Writes the prompts of one model: its tokenizer, its layout, the window of text that it is shown."""

    def __init__(
        self,
        tokenizer: TextTokenizer,
        layout: Layout,
        window: int,
        grammar: bool,
        language: Language = PROX,
    ) -> None:
        self.tokenizer, self._layout, self._window, self._grammar = tokenizer, layout, window, grammar
        self._language = language
        self._start = tokenizer.specials.prefix
        around, label = tokenizer([layout.chunk("") + layout.document(""), f"{_LABEL}\n"])
        self._label_tokens = len(label)
        self.longest = window + len(self._start) + len(around) + _SEAMS

    def ids(self, text: str) -> tuple[int, ...]:
        """A prompt's token ids, the tokenizer's first token before them."""
        (tokens,) = self.tokenizer([text])
        return (*self._start, *tokens.ids.tolist())

    def answer(self, text: str) -> list[int]:
        """The ids of an answer, without an end."""
        (tokens,) = self.tokenizer([text])
        ids: list[int] = tokens.ids.tolist()
        return ids

    def documents(self, texts: Sequence[str]) -> list[PreparedDocument]:
        """A prompt for each document. Of one longer than the window the first window stands in it."""
        return [
            self._document(text, tokens.starts)
            for text, tokens in zip(texts, self.tokenizer(texts), strict=True)
        ]

    def chunks(self, texts: Sequence[str]) -> list[list[PreparedChunk]]:
        """The prompts of all chunks of every text: windows of whole lines, each line with its label."""
        return [
            self._chunks(text, tokens.starts)
            for text, tokens in zip(texts, self.tokenizer(texts), strict=True)
        ]

    def _document(self, text: str, starts: Ints) -> PreparedDocument:
        seen = min(len(starts), self._window)
        while True:
            part = text if seen == len(starts) else text[: starts[seen]]
            ids = self.ids(self._layout.document(part))
            if len(ids) <= self.longest or not seen:
                return PreparedDocument(list(ids), len(starts), seen)
            seen = max(0, seen - (len(ids) - self.longest))

    def _chunks(self, text: str, starts: Ints) -> list[PreparedChunk]:
        """Cut by the tokens of the text and of its labels; finer where a prompt is longer than those."""
        lines = [start for start, _ in line_spans(text)]
        counted = np.sort(np.concatenate([starts, np.repeat(lines, self._label_tokens)])).tolist()
        room = self._window
        while True:
            found = [self._chunk(text, chunk, starts) for chunk in chunk_lines(text, counted, room)]
            longest = max((len(one.prompt.ids) for one in found), default=0)
            if longest <= self.longest or room == 1:
                return found
            room = max(1, room - (longest - self.longest))

    def _chunk(self, text: str, chunk: Chunk, starts: Ints) -> PreparedChunk:
        label = first_label(chunk) if self._language.labels_restart else chunk.line_start
        ids = self.ids(self._layout.chunk(self._language.shown(text, chunk, label)))
        first, last = np.searchsorted(starts, [chunk.start, chunk.stop])
        lines = range(label, label + chunk.line_stop - chunk.line_start)
        grammar = chunk_grammar(lines, self._language) if self._grammar else None
        return PreparedChunk(chunk, int(last - first), Prompt(ids, grammar), label)


@lru_cache(maxsize=1024)
def chunk_grammar(lines: range, language: Language = PROX) -> str:
    """The grammar of programs for lines of these labels, counted from 0."""
    return language.grammar(lines)
