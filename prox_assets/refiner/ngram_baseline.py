"""The linear baselines a refiner must beat: logistic regression over hashed n-grams, for lines and documents.

They train on the rows that the refiners train on, in seconds, and need no model. The strength of the
regularization is chosen on the validation rows, and so is the threshold.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.refiner import metrics
from prox_assets.refiner.examples import labelled_texts
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.refiner.ngram_features import DocumentFeatures, LineFeatures, Matrix
from prox_assets.refiner.sufficiency import split_of
from prox_assets.refiner.truth import line_truth

_STRENGTHS = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4)
_EPOCHS = 8
_MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A logistic regression, its threshold of best F1 on validation rows, and the strength of its penalty."""

    model: Any
    threshold: float
    strength: float

    def probabilities(self, rows: Matrix) -> Floats:
        """The probability of the positive class, `(rows,)`."""
        result: Floats = self.model.predict_proba(rows)[:, 1]
        return result


class NgramLines:
    """Scores lines as a chunk refiner does (`evaluation.LineScorer`)."""

    def __init__(self, fitted: Fitted) -> None:
        self.fitted = fitted
        self._features = LineFeatures()

    @property
    def line_threshold(self) -> float:
        """The score at which a line goes."""
        return self.fitted.threshold

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        """The noise score of every line of every text, `(lines,)` each."""
        documents = [text.split("\n") for text in texts]
        scores = [self.fitted.probabilities(self._features(part)) for part in _parts(documents)]
        ends = np.cumsum([len(document) for document in documents])[:-1]
        return list(np.split(np.concatenate(scores), ends)) if scores else []


class NgramDocuments:
    """Gives documents a keep probability, from the whole of their text."""

    def __init__(self, fitted: Fitted) -> None:
        self.fitted = fitted
        self._features = DocumentFeatures()

    @property
    def threshold(self) -> float:
        """The keep probability at which a document stays."""
        return self.fitted.threshold

    def keep_probabilities(self, texts: Sequence[str]) -> Floats:
        """The keep probability of every text, `(documents,)`."""
        return self.fitted.probabilities(self._features(texts)) if texts else np.zeros(0)


def train_ngram_lines(sft: pa.Table, seed: int = 0) -> NgramLines:
    """Train on the chunk SFT table, validation rows apart.

    Raises:
        RefinerError: there are too few rows (`sufficiency.require_chunks` says so before).
    """
    features = LineFeatures()
    train, validation = (_line_rows(split_of(sft, split), features) for split in ("train", "validation"))
    return NgramLines(fit_best(*train, *validation, seed))


def train_ngram_documents(sft: pa.Table, seed: int = 0) -> NgramDocuments:
    """Train on the document SFT table, validation rows apart."""
    features = DocumentFeatures()
    train, validation = (_document_rows(split_of(sft, split), features) for split in ("train", "validation"))
    return NgramDocuments(fit_best(*train, *validation, seed))


def fit_best(rows: Matrix, truth: Bools, others: Matrix, other_truth: Bools, seed: int = 0) -> Fitted:
    """Fit at several strengths of the penalty and take the one of the best F1 on the other rows."""
    fitted = [_fit(rows, truth, strength, seed) for strength in _STRENGTHS]
    scores = [model.predict_proba(others)[:, 1] for model in fitted]
    best = int(np.argmax([metrics.best_f1(found, other_truth) for found in scores]))
    threshold = metrics.best_f1_threshold(scores[best], other_truth)
    return Fitted(fitted[best], 0.5 if threshold is None else threshold, _STRENGTHS[best])


def _fit(rows: Matrix, truth: Bools, strength: float, seed: int) -> Any:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss="log_loss", alpha=strength, max_iter=_EPOCHS, tol=None, average=True, random_state=seed
    )
    return model.fit(rows, truth)


def _line_rows(
    table: pa.Table, features: Callable[[Iterable[Sequence[str]]], Matrix]
) -> tuple[Matrix, Bools]:
    found = labelled_texts(table)
    matrix = features(row.text.split("\n") for row in found)
    judged = [line_truth(row) for row in found]
    truth, counts = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    return matrix[counts], truth[counts]


def _document_rows(table: pa.Table, features: DocumentFeatures) -> tuple[Matrix, Bools]:
    return features(table["text"].to_pylist()), np.array(table["keep"].to_pylist(), dtype=np.bool_)


def _parts(documents: Sequence[Sequence[str]]) -> Iterable[list[Sequence[str]]]:
    """Documents in parts of a bounded number of lines, a document never cut."""
    part: list[Sequence[str]] = []
    size = 0
    for document in documents:
        if part and size + len(document) > _MOST_LINES:
            yield part
            part, size = [], 0
        part.append(document)
        size += len(document)
    if part:
        yield part
