"""Training sequences with their labels, from the SFT tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from prox_assets.refiner.tokenized import Ints, Specials, TextTokenizer
from prox_assets.refiner.visible import covered
from prox_assets.refiner.windows import Window, windows

T = TypeVar("T", int, float)
IGNORED = -100
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence, specials included, with a loss weight for each label.

    `labels`: one for a document, one a token for a chunk (-100: no loss).
    """

    ids: list[int]
    labels: list[int]
    weights: list[float]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A document with the spans a chunk refiner should remove and those it is not judged on."""

    text: str
    noise: Spans
    ignored: Spans


def document_examples(table: pa.Table, tokenizer: TextTokenizer, window: int) -> list[Example]:
    """One example a row: the first window of the document and keep (1) or drop (0)."""
    specials = tokenizer.specials
    return [
        Example(specials.wrap(tokens.ids[: window - len(specials)]), [int(keep)], [1.0])
        for tokens, keep in zip(tokenizer(table["text"].to_pylist()), table["keep"].to_pylist(), strict=True)
    ]


def labelled_texts(table: pa.Table) -> list[LabelledText]:
    """The rows of the chunk SFT table."""
    return [
        LabelledText(row["text"], _pairs(row["noise"]), _pairs(row["ignored"])) for row in table.to_pylist()
    ]


def chunk_examples(
    rows: Sequence[LabelledText],
    tokenizer: TextTokenizer,
    window: int,
    line_balance: float,
    overlap: int = 0,
) -> list[Example]:
    """One example a window that has labels; `line_balance` as in `recipe.Training`. A token is noise when
    its first visible character is.

    White space is labelled by its first character: the newline of a noisy line is noise. Tokens that a window
    shares with its neighbours (`overlap` as in `windows`) have no label in it.
    """
    specials = tokenizer.specials
    examples: list[Example] = []
    for row, tokens in zip(rows, tokenizer([row.text for row in rows]), strict=True):
        labels = character_labels(row)
        examples.extend(
            Example(
                specials.wrap(found.ids),
                _around(specials, found, IGNORED, _token_labels(found, labels)),
                _around(specials, found, 0.0, _token_weights(found, line_balance)),
            )
            for found in windows(row.text, tokens, window - len(specials), overlap)
        )
    return [example for example in examples if any(label != IGNORED for label in example.labels)]


def character_labels(row: LabelledText) -> Ints:
    """1 noise, 0 clean, -100 ignored, for every character."""
    labels = covered(len(row.text), row.noise).astype(np.int64)
    labels[covered(len(row.text), row.ignored)] = IGNORED
    return labels


def _token_labels(window: Window, characters: Ints) -> list[int]:
    first = np.where(window.shown, window.anchors, window.tokens.starts)
    labels: list[int] = characters[np.minimum(first, len(characters) - 1)].tolist()
    return labels


def _token_weights(window: Window, line_balance: float) -> list[float]:
    lines = np.searchsorted(window.line_starts, window.tokens.starts, side="right") - 1
    sizes = np.bincount(np.maximum(lines, 0), minlength=1)
    weights: list[float] = (sizes[np.maximum(lines, 0)].astype(np.float64) ** -line_balance).tolist()
    return weights


def _around(specials: Specials, window: Window, value: T, inner: list[T]) -> list[T]:
    before, after = len(specials.prefix) + len(window.before), len(window.after) + len(specials.suffix)
    return [value] * before + inner + [value] * after


def _pairs(spans: Sequence[dict[str, int]]) -> list[tuple[int, int]]:
    return [(span["start"], span["stop"]) for span in spans]
