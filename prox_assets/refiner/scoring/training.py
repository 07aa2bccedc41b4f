"""Train the two scoring refiners: SFT tables in, a checkpoint folder out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.config import Training
from prox_assets.documents.files import replacing_folder
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, ScoringEngine, Task
from prox_assets.inference.loading import save_checkpoint
from prox_assets.refiner import metrics
from prox_assets.refiner.cards import write_card
from prox_assets.refiner.checkpoint import (
    CheckpointInfo,
    Curves,
    Progress,
    no_progress,
    write_curves,
    write_points,
)
from prox_assets.refiner.data import (
    IGNORED,
    Example,
    chunk_examples,
    document_examples,
    labelled_texts,
    require_chunks,
    require_documents,
    split_of,
)
from prox_assets.refiner.recipe import Batch, Course, Optimization, Recipe, plan_batches
from prox_assets.refiner.scoring.model import make_model
from prox_assets.refiner.scoring.validation import (
    ChunkValidation,
    Decided,
    DocumentValidation,
    Judged,
    decide_chunks,
    decide_documents,
)
from prox_assets.refiner.tokenization import Ints, TextTokenizer
from prox_assets.refiner.training_state import work_folder

BETAS = (0.9, 0.98)


class Hider:
    """Masks and swaps tokens, differently in every step and alike in every run.

    Newlines and specials stay, for they are the page's layout. Where the tokenizer has no mask token, what
    would be masked is swapped too.
    """

    def __init__(self, tokenizer: TextTokenizer, training: Training) -> None:
        inner = tokenizer.tokenizer
        self._mask = inner.mask_token_id
        (newline,) = tokenizer(["\n"])
        self._fixed = np.array([*inner.all_special_ids, *newline.ids.tolist()], dtype=np.int64)
        self._training = training

    def __call__(self, ids: Ints, step: int) -> Ints:
        """The ids of a padded batch, `(rows, tokens)`, with their shares hidden and swapped."""
        random = np.random.default_rng([self._training.seed, step])
        draws = np.where(np.isin(ids, self._fixed), 1.0, random.random(ids.shape))
        masked = draws < self._training.hidden_share
        swapped = ~masked & (draws < self._training.hidden_share + self._training.swapped_share)
        if not (masked | swapped).any():
            return ids
        others = random.choice(ids[draws < 1.0], ids.shape)
        result: Ints = np.where(swapped, others, ids)
        return np.where(masked, others if self._mask is None else self._mask, result)


def scoring_course(
    examples: Sequence[Example], training: Training, hider: Hider, padding: int, processes: int = 1
) -> Course:
    """Batches planned by the seed, differently hidden in each; `padding` is the id that fills them."""
    lengths = [len(example.ids) for example in examples]

    def collate(positions: list[int], number: int) -> Batch:
        return _tensors([examples[position] for position in positions], hider, padding, number)

    def loss(model: Any, batch: Batch) -> Any:
        return weighted_loss(model, batch, training.class_weights)

    return Course(plan_batches(lengths, training), lengths, collate, loss, processes=processes)


def _tensors(batch: Sequence[Example], hider: Hider, padding: int, number: int) -> Batch:
    import torch

    ids = hider(_padded([example.ids for example in batch], padding, np.int64), step=number)
    arrays = {
        "input_ids": ids,
        "attention_mask": _padded([[1] * len(example.ids) for example in batch], 0, np.int64),
        "labels": _padded([example.labels for example in batch], IGNORED, np.int64),
        "weights": _padded([example.weights for example in batch], 0.0, np.float32),
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def weighted_loss(model: Any, batch: Batch, class_weights: tuple[float, float]) -> Any:
    """Cross entropy over the labels that are not ignored, the mean by weight and weight of class."""
    import torch
    from torch.nn.functional import cross_entropy

    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    flat, classes = batch["labels"].reshape(-1), torch.tensor(class_weights, device=logits.device)
    weights = batch["weights"].reshape(-1) * (flat != IGNORED) * classes[flat.clamp(min=0)]
    losses = cross_entropy(logits.float().view(-1, 2), flat, ignore_index=IGNORED, reduction="none")
    return (losses * weights).sum() / weights.sum()


def _padded(rows: list[list[Any]], value: float, dtype: Any) -> Any:
    width = max(map(len, rows))
    return np.array([row + [value] * (width - len(row)) for row in rows], dtype=dtype)


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
    decided = decide_documents(validation.judge(_engine(model, recipe)), recipe)
    info = _info(recipe, decided)
    _write(destination, model, tokenizer, info, decided, curves, data_note(data, sft))
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
        labelled_texts(split_of(sft, "train")),
        tokenizer,
        recipe.window,
        recipe.training.line_balance,
        recipe.overlap,
    )
    validation = ChunkValidation(
        labelled_texts(split_of(sft, "validation")), tokenizer, recipe.window, recipe.overlap
    )
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
    decided = decide_chunks(judged, recipe, split_of(sft, "validation").num_rows)
    info = _info(recipe, decided)
    _write(destination, model, tokenizer, info, decided, curves, data_note(data, sft))
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
    from prox_assets.inference.transformers_engines import TransformersEngine

    # Packing would set the model's attention for good, and it is still in training.
    settings = EngineSettings(batch_tokens=recipe.training.batch_tokens, packing="never")
    return TransformersEngine(model, settings)


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
        return fit(
            model, course, Optimization.of(recipe.training, BETAS), lambda: score(engine), folder, progress
        )


def _best_f1(judged: Judged) -> float:
    return metrics.best_f1(judged.scores, judged.truth)


def _info(recipe: Recipe, decided: Decided) -> CheckpointInfo:
    return CheckpointInfo(
        recipe.task,
        recipe.window,
        decided.thresholds,
        decided.metrics,
        recipe.to_json(),
        calibration=decided.calibration,
        overlap=recipe.overlap if recipe.task is Task.CHUNK else 0,
        evidence=decided.evidence,
    )


def data_note(data: str, sft: pa.Table) -> str:
    """What a card says of the data."""
    train, validation = (split_of(sft, split).num_rows for split in ("train", "validation"))
    return f"{data}\n\n{train} documents to train, {validation} to validate.".strip()


def _write(
    destination: Path,
    model: Any,
    tokenizer: TextTokenizer,
    info: CheckpointInfo,
    decided: Decided,
    curves: Curves,
    data: str,
) -> None:
    with replacing_folder(destination) as folder:
        save_checkpoint(model, tokenizer.tokenizer, folder)
        info.write(folder)
        write_points(decided.points, folder)
        write_curves(curves, folder)
        write_card(folder, info, data)
