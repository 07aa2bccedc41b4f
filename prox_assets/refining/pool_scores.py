"""What both refiners say of documents that nobody has annotated yet."""

from collections.abc import Sequence

import numpy as np

from prox_assets.refiner.lines import merge_chunks
from prox_assets.refiner.metrics import require_numbers
from prox_assets.refining.kinds import AnyChunkRefiner, AnyDocumentRefiner
from prox_assets.teacher.hard_examples import RefinerScores

_BATCH = 256


def refiner_scores(
    documents: AnyDocumentRefiner, chunks: AnyChunkRefiner, texts: Sequence[str]
) -> list[RefinerScores]:
    """The keep probability of each text and the noise scores of its lines."""
    scores: list[RefinerScores] = []
    for first in range(0, len(texts), _BATCH):
        part = texts[first : first + _BATCH]
        judged = documents.score(part)
        require_numbers(np.array([one.keep_probability for one in judged]), "keep probabilities")
        for text, document, found in zip(part, judged, chunks.refine(part), strict=True):
            pieces = ((one.chunk, one.n_tokens, one.line_scores) for one in found)
            lines = merge_chunks(text.count("\n") + 1, pieces)
            scores.append(RefinerScores(document.keep_probability, lines.tolist()))
    return scores
