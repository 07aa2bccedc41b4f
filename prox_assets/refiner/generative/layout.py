"""How a text stands in a prompt: the two ways that models of ProX were asked."""

from enum import StrEnum

from prox_assets.chunking import Chunk, numbered

_LABELS = 1000  # ProX's line numbers have three digits


class Layout(StrEnum):
    """What stands around the text, the tokenizer's first token apart.

    `PLAIN_DOC` is `[doc]`, the text and `[/doc]`, each on lines of their own. `LLAMA2` is Llama 2's chat
    layout around what ProX put into it: the bare text of a document, `[doc]` lines for a chunk (its driver).
    """

    PLAIN_DOC = "plain_doc"
    LLAMA2 = "llama2"

    def document(self, text: str) -> str:
        """The prompt of a document."""
        return f"[INST] {text.strip()} [/INST]" if self is Layout.LLAMA2 else f"[doc]\n{text}\n[/doc]\n"

    def chunk(self, lines: str) -> str:
        """The prompt of a chunk's numbered lines."""
        shown = f"[doc]\n{lines}\n[/doc]"
        return f"[INST] {shown} [/INST]" if self is Layout.LLAMA2 else f"{shown}\n"


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
