"""The baselines a refiner must beat: linear models over hashed n-grams, and the rules teacher.

They train on the rows that the refiners train on, in seconds, and need no model. The strength of the
regularization is chosen on the validation rows, and so is the threshold.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prox_assets.chunking import Chunk
from prox_assets.evaluation.report import (
    Answers,
    Decisions,
    LabelledPages,
    judge_programs,
    lines_mask,
    page_texts,
    program_metrics,
)
from prox_assets.languages import CLOSING_MARKS, SENTENCE_END
from prox_assets.programs import Rails, Stage, parse, removed_line_numbers
from prox_assets.refiner import metrics
from prox_assets.refiner.data import labelled_texts, line_truth, split_of
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.teacher.interface import Teacher

Matrix = Any
"""A scipy CSR matrix, `(rows, columns)`; scipy has no types."""

_BITS = 18
_MOST_CHARACTERS = 600
_NEIGHBOURS = (-2, -1, 1, 2)
_ENDS_SENTENCE = re.compile(rf"{SENTENCE_END.pattern}|…[{CLOSING_MARKS}]*$")
_LENGTHS = (2, 4, 8, 16, 32, 64, 128, 256, 512)
_PLACES = 10


class LineFeatures:
    """The features of all lines of a document at once: those of the line and of two lines on either side.

    Blocks: word 1- and 2-grams and character 2- to 5-grams of the line, word 1- and 2-grams of each
    neighbour, and the shape of all five (length, digits, capitals, punctuation, whether it ends a
    sentence, how often the page repeats it) with the place in the page. A long line is read up to 600
    characters.
    """

    def __init__(self) -> None:
        self._words = _hashing("word", (1, 2), r"\w+|[^\w\s]")
        self._characters = _hashing("char_wb", (2, 5), None)

    def __call__(self, documents: Iterable[Sequence[str]]) -> Matrix:
        """One row for each line of each document, in order, `(lines, features)`; one at least."""
        from scipy.sparse import csr_matrix, hstack

        found = [list(lines) for lines in documents]
        lines = [line[:_MOST_CHARACTERS] for document in found for line in document]
        words = self._words.transform(lines)
        around = [_shifted(words, [len(document) for document in found], by) for by in _NEIGHBOURS]
        shape = csr_matrix(np.concatenate([_with_neighbours(_shapes(document)) for document in found]))
        return hstack([words, self._characters.transform(lines), *around, shape], format="csr")


class DocumentFeatures:
    """The features of a whole document: n-grams of its text, and the mean shape of its lines."""

    def __init__(self) -> None:
        self._words = _hashing("word", (1, 2), r"\w+|[^\w\s]")
        self._characters = _hashing("char_wb", (2, 4), None)

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """One row for each text, `(documents, features)`."""
        from scipy.sparse import csr_matrix, hstack

        shapes = np.array([_shapes(text.split("\n")).mean(axis=0) for text in texts])
        lengths = np.array([[math.log1p(len(text)), math.log1p(text.count("\n"))] for text in texts]) / 10
        dense = csr_matrix(np.hstack([shapes, lengths]).astype(np.float32))
        return hstack([self._words.transform(texts), self._characters.transform(texts), dense], format="csr")


def _hashing(analyzer: str, lengths: tuple[int, int], pattern: str | None) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer=analyzer,
        ngram_range=lengths,
        token_pattern=pattern,
        n_features=2**_BITS,
        alternate_sign=False,
        dtype=np.float32,
    )


def _shifted(rows: Matrix, sizes: Sequence[int], by: int) -> Matrix:
    """Every line's row replaced by that of the line `by` further down its document; zeros past its ends."""
    from scipy.sparse import csr_matrix

    number = np.arange(rows.shape[0])
    first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    last = first + np.repeat(sizes, sizes) - 1
    there = number + by
    inside = (there >= first) & (there <= last)
    keep = csr_matrix(
        (np.ones(int(inside.sum()), dtype=np.float32), (number[inside], there[inside])),
        shape=(rows.shape[0], rows.shape[0]),
    )
    return keep @ rows


def _shapes(lines: Sequence[str]) -> npt.NDArray[np.float32]:
    """The shape of every line of a document, `(lines, shapes)`."""
    often = Counter(line.strip() for line in lines)
    return np.array(
        [
            _shape(line.strip(), often[line.strip()]) + _place(index, len(lines))
            for index, line in enumerate(lines)
        ],
        dtype=np.float32,
    )


def _shape(line: str, repeats: int) -> list[float]:
    size = max(len(line), 1)
    words = line.split()
    return [
        *(float(len(line) >= limit) for limit in _LENGTHS),
        math.log1p(len(line)) / 5,
        math.log1p(len(words)) / 4,
        sum(character.isdigit() for character in line) / size,
        sum(character.isupper() for character in line) / size,
        sum(not (character.isalnum() or character.isspace()) for character in line) / size,
        sum(word[:1].isupper() for word in words) / max(len(words), 1),
        float(bool(_ENDS_SENTENCE.search(line))),
        float(line[:1].islower()),
        float("http" in line or "www." in line),
        float(not line),
        math.log(repeats) / 2,
        1.0,
    ]


def _place(index: int, count: int) -> list[float]:
    tenth = index * _PLACES // count
    ends = [math.exp(-index / 2), math.exp(-(count - 1 - index) / 2), math.log1p(count) / 6]
    return [*(float(tenth == place) for place in range(_PLACES)), *ends]


def _with_neighbours(shapes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    count = len(shapes)
    parts = [shapes]
    for by in _NEIGHBOURS:
        moved = np.zeros_like(shapes)
        source = slice(max(by, 0), count + min(by, 0))
        moved[max(-by, 0) : count - max(by, 0)] = shapes[source]
        parts.append(moved)
    return np.hstack(parts)


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


def rules_answers(teacher: Teacher, documents: pa.Table, pages: LabelledPages, rails: Rails) -> Answers:
    """A teacher's decisions on labelled pages; `documents` are the same ones as seed documents have them."""
    keep = _keep(teacher, documents, pages)
    chunks = {
        doc_id: list(rows)
        for doc_id, rows in groupby(
            teacher.annotate_chunks(documents).to_pylist(), key=lambda row: str(row["doc_id"])
        )
    }
    ids, texts = pages.kept["id"].to_pylist(), page_texts(pages.kept)
    programs = [[(_chunk(row), str(row["program"])) for row in chunks.get(doc_id, ())] for doc_id in ids]
    judged = [judge_programs(*page, rails) for page in zip(texts, programs, strict=True)]
    lines = None
    if pages.lines is not None:
        gone = [_removed(text, found) for text, found in zip(texts, programs, strict=True)]
        lines = Decisions(pages.lines.chosen(gone).astype(np.bool_))
    return Answers(keep, lines, [one.removed for one in judged], program_metrics(judged))


def _keep(teacher: Teacher, documents: pa.Table, pages: LabelledPages) -> Decisions | None:
    """The decisions on documents; one that the teacher leaves open stays."""
    if not pages.judged.num_rows:
        return None
    decided = teacher.annotate_documents(documents).select(["doc_id", "keep"]).to_pylist()
    keep = {row["doc_id"]: row["keep"] is not False for row in decided}
    return Decisions(
        np.array([keep.get(one, True) for one in pages.judged["id"].to_pylist()], dtype=np.bool_)
    )


def _removed(text: str, programs: list[tuple[Chunk, str]]) -> Bools:
    gone = np.zeros(text.count("\n") + 1, dtype=np.bool_)
    for chunk, program in programs:
        gone[removed_line_numbers(parse(program, Stage.CHUNK), chunk)] = True
    return gone


def _chunk(row: dict[str, Any]) -> Chunk:
    return Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])
