"""Characters that went against characters that should go: the score of whole programs, spans included."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prox_assets.chunking import line_spans
from prox_assets.refiner.metrics import Bools


@dataclass(frozen=True, slots=True)
class RemovalMetrics:
    """Visible characters that should go against those that went.

    `kept_share_of_clean` is what a training run gets of the clean text, `noise_left` the share of noise in
    what is left.
    """

    precision: float
    recall: float
    f1: float
    kept_share_of_clean: float
    noise_left: float
    n_documents: int
    n_characters: int


@dataclass(frozen=True, slots=True)
class CharacterTruth:
    """Which characters of a document are noise, and which count: visible, and not in ambiguous lines."""

    noise: Bools
    counts: Bools


def removal_metrics(documents: Iterable[tuple[Bools, CharacterTruth]]) -> RemovalMetrics:
    """Compare what was removed of each document, `(characters,)`, with the truth."""
    right = wanted = removed = total = number = 0
    for gone, truth in documents:
        noise, went = truth.noise & truth.counts, gone & truth.counts
        right += int((went & noise).sum())
        wanted += int(noise.sum())
        removed += int(went.sum())
        total += int(truth.counts.sum())
        number += 1
    precision = right / removed if removed else 0.0
    recall = right / wanted if wanted else 0.0
    clean, left = total - wanted, total - removed
    return RemovalMetrics(
        precision,
        recall,
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        (clean - (removed - right)) / clean if clean else 0.0,
        (wanted - right) / left if left else 0.0,
        number,
        total,
    )


def character_truth(label: Mapping[str, Any]) -> CharacterTruth:
    """What a labels row says of each character: noise lines, and `spans` inside the others where it has any.

    All of a document that is to be dropped is noise.
    """
    text = "\n".join(label["lines"])
    counts = np.array([not character.isspace() for character in text], dtype=np.bool_)
    noise = lines_mask(text, label["is_noise"])
    unsure: Sequence[bool] = label.get("ambiguous") or ()
    if unsure:
        counts &= ~lines_mask(text, unsure)
    starts = line_spans(text)
    for span in label.get("spans") or ():
        first = starts[span["line"]][0]
        noise[first + span["start"] : first + span["stop"]] = True
    if label.get("keep") is False:
        noise[:] = True
    return CharacterTruth(noise, counts)


def lines_mask(text: str, chosen: Sequence[bool] | Bools) -> Bools:
    """The characters of the chosen lines, `(characters,)`."""
    mask = np.zeros(len(text), dtype=np.bool_)
    for (start, stop), one in zip(line_spans(text), chosen, strict=True):
        mask[start:stop] = one
    return mask
