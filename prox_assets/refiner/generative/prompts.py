"""Prompts of a generative refiner as token ids, their layout, and `writing.json`, which records both."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from prox_assets.chunking import Chunk, chunk_lines, line_spans, numbered
from prox_assets.errors import RefinerError
from prox_assets.inference import Prompt
from prox_assets.programs import DROP_DOC, KEEP_DOC
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.scoring.refiner import PreparedDocument
from prox_assets.refiner.tokenization import Ints, TextTokenizer

_LABELS = 1000  # ProX's line numbers have three digits


class PromptLayout(StrEnum):
    """What stands around the text, the tokenizer's first token apart.

    `PLAIN_DOC` is `[doc]`, the text and `[/doc]`, each on lines of their own. `LLAMA2` is Llama 2's chat
    layout around what ProX put into it: the bare text of a document, `[doc]` lines for a chunk (its driver).
    """

    PLAIN_DOC = "plain_doc"
    LLAMA2 = "llama2"

    def document(self, text: str) -> str:
        """The prompt of a document."""
        return f"[INST] {text.strip()} [/INST]" if self is PromptLayout.LLAMA2 else f"[doc]\n{text}\n[/doc]\n"

    def chunk(self, lines: str) -> str:
        """The prompt of a chunk's numbered lines."""
        shown = f"[doc]\n{lines}\n[/doc]"
        return f"[INST] {shown} [/INST]" if self is PromptLayout.LLAMA2 else f"{shown}\n"


def first_label(chunk: Chunk) -> int:
    """The number that a chunk's first line is shown with: the document's, or 0 where that has four digits.

    The models that ProX released never met a label of four digits.
    """
    return chunk.line_start if chunk.line_stop <= _LABELS else 0


def labels(chunk: Chunk) -> range:
    """The numbers that a chunk's lines are shown with."""
    first = first_label(chunk)
    return range(first, first + chunk.line_stop - chunk.line_start)


def shown(text: str, chunk: Chunk) -> str:
    """A chunk's lines with their labels."""
    return numbered(text, chunk, first_label(chunk))


WRITING_FILE = "writing.json"


@dataclass(frozen=True, slots=True)
class LayoutScore:
    """How a model answered under a layout, over some pages.

    `well_formed`: the share of what it wrote freely that are programs without a refused call; at equal shares
    `log_probability` decides: the mean log-probability that its first token begins a call of the stage.
    """

    layout: PromptLayout
    well_formed: float
    log_probability: float


@dataclass(frozen=True, slots=True)
class Writing:
    """How a checkpoint is asked: the prompt's layout, and `probed`, what chose it.

    `grammar` says whether one holds the answer, which has at most `max_new_tokens`.
    """

    layout: PromptLayout
    grammar: bool
    max_new_tokens: int
    probed: tuple[LayoutScore, ...] = ()

    def write(self, folder: Path) -> None:
        """Write `writing.json` into `folder`."""
        (folder / WRITING_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_writing(checkpoint: Path) -> Writing:
    """How a checkpoint is asked.

    Raises RefinerError when it does not say: it is no generative refiner.
    """
    path = checkpoint / WRITING_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if type(values["grammar"]) is not bool or type(values["max_new_tokens"]) is not int:
            raise ValueError("grammar is no boolean or max_new_tokens no integer")
        if values["max_new_tokens"] < 1:
            raise ValueError("max_new_tokens is less than 1")
        probed = tuple(
            LayoutScore(**{**one, "layout": PromptLayout(one["layout"])}) for one in values["probed"]
        )
        return Writing(PromptLayout(values["layout"]), values["grammar"], values["max_new_tokens"], probed)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise RefinerError(
            f"{path} cannot be read ({error!r}). Train a generative refiner, or name a checkpoint of one in "
            "refiner.checkpoint."
        ) from error


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
        layout: PromptLayout,
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
