"""The linear n-gram baselines on the rows that a refiner is scored on."""

import pyarrow as pa

from prox_assets.refiner.ngram_baseline import (
    NgramDocuments,
    NgramLines,
    train_ngram_documents,
    train_ngram_lines,
)
from prox_assets.refining.removal import lines_mask
from prox_assets.refining.score_sheet import Answers, Decisions, LabelledPages, page_texts


def train_ngrams(documents: pa.Table, chunks: pa.Table) -> tuple[NgramDocuments, NgramLines]:
    """Train both on the tables of an SFT dataset: the rows that the refiners are trained on."""
    return train_ngram_documents(documents), train_ngram_lines(chunks)


def ngram_answers(documents: NgramDocuments, lines: NgramLines, pages: LabelledPages) -> Answers:
    """What the linear models say of labelled pages."""
    keep = None
    if pages.judged.num_rows:
        keep = Decisions.at(documents.keep_probabilities(page_texts(pages.judged)), documents.threshold)
    texts = page_texts(pages.kept)
    scores = lines.line_scores(texts)
    found = None
    if pages.lines is not None:
        found = Decisions.at(pages.lines.chosen(scores), lines.line_threshold)
    removed = [lines_mask(text, one >= lines.line_threshold) for text, one in zip(texts, scores, strict=True)]
    return Answers(keep, found, removed)
