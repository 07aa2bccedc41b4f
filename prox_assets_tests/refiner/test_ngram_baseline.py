"""The linear baselines learn what a line says and where it stands, the same way each time."""

from collections.abc import Sequence

import numpy as np

from prox_assets.evaluation.baselines import LineFeatures, train_ngram_documents, train_ngram_lines
from prox_assets.refiner.evaluation import evaluate_lines
from prox_assets.sample import SamplePage
from prox_assets_tests.refiner.tables import chunk_table, document_table, labels_table


def test_neighbours_end_with_the_document() -> None:
    features = LineFeatures()
    together = features([["Home", "A long sentence ends here."], ["Other", "", "words"]])
    apart = [features([["Home", "A long sentence ends here."]]), features([["Other", "", "words"]])]
    assert (together[:2] != apart[0]).nnz == 0
    assert (together[2:] != apart[1]).nnz == 0


def test_the_same_line_elsewhere_has_other_features() -> None:
    features = LineFeatures()
    rows = features([["Share", "A sentence.", "Share", "Other"]])
    assert (rows[0] != rows[2]).nnz > 0


def test_lines_of_generated_pages(pages: Sequence[SamplePage], held_out: Sequence[SamplePage]) -> None:
    table = chunk_table(pages)
    model, again = train_ngram_lines(table), train_ngram_lines(table)
    found = evaluate_lines(model, labels_table(held_out))
    assert found.f1 > 0.6
    assert evaluate_lines(again, labels_table(held_out)) == found


def test_scores_do_not_depend_on_what_is_scored_beside(pages: Sequence[SamplePage]) -> None:
    model = train_ngram_lines(chunk_table(pages))
    texts = [page.text for page in pages[:5]]
    for text, scores in zip(texts, model.line_scores(texts), strict=True):
        assert len(scores) == text.count("\n") + 1
        assert np.array_equal(scores, model.line_scores([text])[0])
    assert model.line_scores([]) == []


def test_documents_of_generated_pages(pages: Sequence[SamplePage], held_out: Sequence[SamplePage]) -> None:
    model = train_ngram_documents(document_table(pages))
    keep = model.keep_probabilities([page.text for page in held_out]) >= model.threshold
    truth = np.array([page.keep for page in held_out])
    assert (keep == truth).mean() > 0.75
    assert len(model.keep_probabilities([])) == 0
