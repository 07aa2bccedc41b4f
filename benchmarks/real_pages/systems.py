"""The systems that are trained: each gives scores for validation and test lines, and a threshold."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.real_pages.pages import Pages
from prox_assets.config import Architecture, Training
from prox_assets.evaluation.baselines import LineFeatures, Matrix, fit_best
from prox_assets.evaluation.report import page_texts
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner import metrics
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring.refiner import ChunkRefiner
from prox_assets.refiner.scoring.training import train_chunk_refiner

_SMALL = Architecture(hidden=96, layers=3, intermediate=192, vocab_size=8192)
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of the validation and the test lines that count, and the score at which a line goes."""

    validation: Floats
    test: Floats
    threshold: float

    @property
    def decisions(self) -> Floats:
        """1 for a test line that goes, else 0."""
        return (self.test >= self.threshold).astype(np.float64)


def linear_features(pages: Pages) -> Matrix:
    """The features of the linear baseline, of the lines that count; made once for all folds."""
    return LineFeatures()(pages.labels["lines"].to_pylist())[np.concatenate(pages.lines.counting)]


def ngrams(pages: Pages, features: Matrix, fold: int) -> Scored:
    """The linear baseline, as the product trains it."""
    split, truth = pages.split(fold), pages.lines.truth
    train, validation = features[split.train], features[split.validation]
    fitted = fit_best(train, truth[split.train], validation, truth[split.validation])
    test = fitted.probabilities(features[split.test])
    return Scored(fitted.probabilities(validation), test, fitted.threshold)


def scoring(pages: Pages, fold: int, steps: int, threads: int) -> Scored:
    """The scoring refiner, from scratch."""
    with tempfile.TemporaryDirectory() as folder:
        return _scored(
            _trained(pages, fold, None, steps, threads, Path(folder) / "chunk"), pages, fold, threads
        )


def two_steps(whole: Pages, pages: Pages, fold: int, steps: tuple[int, int], threads: int) -> Scored:
    """The scoring refiner that has learned from whole pages before, of the same training sites."""
    with tempfile.TemporaryDirectory() as folder:
        first = _trained(whole, fold, None, steps[0], threads, Path(folder) / "first")
        second = _trained(pages, fold, first, steps[1], threads, Path(folder) / "second")
        return _scored(second, pages, fold, threads)


def mixed(pages: Pages, fold: int, systems: tuple[Scored, ...]) -> Scored:
    """Several systems weighed by a logistic regression over their log-odds, fitted on validation lines."""
    from sklearn.linear_model import LogisticRegression

    truth = pages.lines.truth[pages.split(fold).validation]
    validation, test = (
        np.column_stack([_log_odds(getattr(one, part)) for one in systems]) for part in ("validation", "test")
    )
    model = LogisticRegression().fit(validation, truth)
    scores = model.predict_proba(validation)[:, 1]
    threshold = metrics.best_f1_threshold(scores, truth)
    return Scored(scores, model.predict_proba(test)[:, 1], 0.5 if threshold is None else threshold)


def _trained(pages: Pages, fold: int, base: Path | None, steps: int, threads: int, folder: Path) -> Path:
    training = Training(
        epochs=20,
        max_steps=steps,
        batch_tokens=4096,
        peak_learning_rate=3e-3 if base is None else 2e-3,
        hidden_share=0.15,
        threads=threads,
    )
    recipe = Recipe(
        Task.CHUNK,
        base=str(base) if base else None,
        window=512,
        f1_slack=0.0,  # the threshold of best F1, as the linear baseline has it
        architecture=_SMALL,
        training=training,
    )
    return train_chunk_refiner(pages.sft(fold), recipe, folder).path


def _scored(path: Path, pages: Pages, fold: int, threads: int) -> Scored:
    refiner = ChunkRefiner.load(path, EngineSettings(threads=threads))
    split = pages.split_pages(fold)
    validation, test = (_line_scores(refiner, pages, chosen) for chosen in (split.validation, split.test))
    return Scored(validation, test, refiner.line_threshold)


def _line_scores(refiner: ChunkRefiner, pages: Pages, chosen: np.ndarray) -> Floats:
    scores = refiner.line_scores(page_texts(pages.labels.filter(pa.array(chosen))))
    counting = [counts for counts, taken in zip(pages.lines.counting, chosen, strict=True) if taken]
    return np.concatenate([one[counts] for one, counts in zip(scores, counting, strict=True)])


def _log_odds(scores: Floats) -> Floats:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    odds: Floats = np.log(inside / (1 - inside))
    return odds
