"""Trains the two scoring refiners: SFT tables in, a checkpoint directory out."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, ScoringEngine, Task
from prox_assets.refiner import metrics
from prox_assets.refiner.augment import Hider
from prox_assets.refiner.card import write_card
from prox_assets.refiner.checkpoint import (
    CheckpointInfo,
    ChunkThresholds,
    DocumentThresholds,
    replacing,
    write_curves,
)
from prox_assets.refiner.curves import Curves, Progress, no_progress
from prox_assets.refiner.evaluation import document_metrics, line_metrics
from prox_assets.refiner.examples import Example, chunk_examples, document_examples, labelled_texts
from prox_assets.refiner.model import make_model
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.scoring_course import scoring_course
from prox_assets.refiner.sufficiency import require_chunks, require_documents, split_of
from prox_assets.refiner.tokenized import TextTokenizer
from prox_assets.refiner.training_state import work_folder
from prox_assets.refiner.validation import ChunkValidation, DocumentValidation, Judged, JudgedChunks


@dataclass(frozen=True, slots=True)
class TrainedRefiner:
    """A checkpoint just written. `seconds`: wall-clock time of the whole training."""

    path: Path
    info: CheckpointInfo
    curves: Curves
    seconds: float


def train_document_refiner(
    sft: pa.Table,
    recipe: Recipe,
    destination: Path,
    data: str = "",
    progress: Progress = no_progress,
    work: Path | None = None,
) -> TrainedRefiner:
    """Train on the document SFT table and write the checkpoint to `destination`, replacing what is there.

    `data` describes the documents, for the card. `work` holds what a killed run goes on from; None: nothing
    does. Raises RefinerError when a class is missing or too small, the recipe is of the other task, or the
    base model cannot be loaded.
    """
    _require_task(recipe, Task.DOCUMENT)
    require_documents(sft)
    started = time.monotonic()
    model, tokenizer = _seeded_model(recipe, sft)
    examples = document_examples(split_of(sft, "train"), tokenizer, recipe.window)
    validation = DocumentValidation(document_examples(split_of(sft, "validation"), tokenizer, recipe.window))
    curves = _fit(
        model, tokenizer, examples, recipe, lambda engine: _best_f1(validation.judge(engine)), progress, work
    )
    judged = validation.judge(_engine(model, recipe))
    good = metrics.good_thresholds(judged.scores, judged.truth, recipe.f1_slack)
    threshold = float(good[-1]) if len(good) else 0.5
    scores = _numbers(asdict(document_metrics(judged.scores, judged.truth, threshold)))
    info = CheckpointInfo(
        Task.DOCUMENT, recipe.window, DocumentThresholds(threshold), scores, recipe.to_json()
    )
    _write(destination, model, tokenizer, info, curves, _data_note(data, sft))
    return TrainedRefiner(destination, info, curves, time.monotonic() - started)


def train_chunk_refiner(
    sft: pa.Table,
    recipe: Recipe,
    destination: Path,
    data: str = "",
    progress: Progress = no_progress,
    work: Path | None = None,
) -> TrainedRefiner:
    """Train on the chunk SFT table and write the checkpoint to `destination`, replacing what is there.

    As `train_document_refiner`.
    """
    _require_task(recipe, Task.CHUNK)
    require_chunks(sft)
    started = time.monotonic()
    model, tokenizer = _seeded_model(recipe, sft)
    examples = chunk_examples(
        labelled_texts(split_of(sft, "train")), tokenizer, recipe.window, recipe.training.line_balance
    )
    validation = ChunkValidation(labelled_texts(split_of(sft, "validation")), tokenizer, recipe.window)
    curves = _fit(
        model,
        tokenizer,
        examples,
        recipe,
        lambda engine: _best_f1(validation.judge(engine).lines),
        progress,
        work,
    )
    judged = validation.judge(_engine(model, recipe))
    thresholds = _chunk_thresholds(judged, recipe)
    scores = _chunk_scores(judged, thresholds, split_of(sft, "validation").num_rows)
    info = CheckpointInfo(Task.CHUNK, recipe.window, thresholds, scores, recipe.to_json())
    _write(destination, model, tokenizer, info, curves, _data_note(data, sft))
    return TrainedRefiner(destination, info, curves, time.monotonic() - started)


def _require_task(recipe: Recipe, task: Task) -> None:
    if recipe.task is not task:
        raise RefinerError(f"The recipe is for the {recipe.task} refiner; give one for the {task} refiner.")


def _seeded_model(recipe: Recipe, sft: pa.Table) -> tuple[Any, TextTokenizer]:
    import torch

    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.training.seed)
    return make_model(recipe, split_of(sft, "train")["text"].to_pylist())


def _engine(model: Any, recipe: Recipe) -> ScoringEngine:
    from prox_assets.inference.transformers_engine import TransformersEngine

    return TransformersEngine(model, EngineSettings(batch_tokens=recipe.training.batch_tokens))


def _fit(
    model: Any,
    tokenizer: TextTokenizer,
    examples: list[Example],
    recipe: Recipe,
    score: Callable[[ScoringEngine], float],
    progress: Progress,
    work: Path | None,
) -> Curves:
    from prox_assets.refiner.loop import fit, processes

    engine = _engine(model, recipe)
    hider = Hider(tokenizer, recipe.training)
    padding = model.config.pad_token_id or 0
    course = scoring_course(examples, recipe.training, hider, padding, processes())
    with work_folder(work) as folder:
        return fit(model, course, recipe.training.optimization(), lambda: score(engine), folder, progress)


def _best_f1(judged: Judged) -> float:
    return metrics.best_f1(judged.scores, judged.truth)


def _chunk_thresholds(judged: JudgedChunks, recipe: Recipe) -> ChunkThresholds:
    lines, tokens = judged.lines, judged.tokens_in_clean_lines
    good = metrics.good_thresholds(lines.scores, lines.truth, recipe.f1_slack)
    return ChunkThresholds(
        line=float(good[0]) if len(good) else 0.5,
        span=metrics.best_f1_threshold(tokens.scores, tokens.truth, recipe.span_precision_floor),
    )


def _chunk_scores(judged: JudgedChunks, thresholds: ChunkThresholds, documents: int) -> dict[str, float]:
    lines, tokens = judged.lines, judged.tokens_in_clean_lines
    scores = asdict(line_metrics(lines.scores, lines.truth, thresholds.line, documents))
    if thresholds.span is not None:
        cut = metrics.at_threshold(tokens.scores, tokens.truth, thresholds.span)
        scores |= {f"span_token_{name}": value for name, value in asdict(cut).items()}
    return _numbers(scores)


def _numbers(scores: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if value is not None}


def _data_note(data: str, sft: pa.Table) -> str:
    train, validation = (split_of(sft, split).num_rows for split in ("train", "validation"))
    return f"{data}\n\n{train} documents to train, {validation} to validate.".strip()


def _write(
    destination: Path, model: Any, tokenizer: TextTokenizer, info: CheckpointInfo, curves: Curves, data: str
) -> None:
    with replacing(destination) as folder:
        model.save_pretrained(folder)
        tokenizer.tokenizer.save_pretrained(folder)
        info.write(folder)
        write_curves(curves, folder)
        write_card(folder, info, data)
