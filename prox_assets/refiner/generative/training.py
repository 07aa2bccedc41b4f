"""Trains a generative refiner: SFT table in, a checkpoint directory out."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from prox_assets.documents.files import replacing_folder
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, GenerationEngine, Task
from prox_assets.inference.loading import save_checkpoint
from prox_assets.programs import REGISTRY, Stage
from prox_assets.programs.rendering import signature
from prox_assets.refiner.bases import DECIDING_TOKENS, require_room
from prox_assets.refiner.checkpoint import (
    CheckpointInfo,
    ChunkThresholds,
    DocumentThresholds,
    write_curves,
)
from prox_assets.refiner.curves import Curves, Progress, no_progress
from prox_assets.refiner.gate import Evidence
from prox_assets.refiner.generative.card import write_generative_card
from prox_assets.refiner.generative.completions import (
    Completion,
    chunk_completions,
    completion_course,
    document_completions,
)
from prox_assets.refiner.generative.layout import Layout
from prox_assets.refiner.generative.model import make_causal_model
from prox_assets.refiner.generative.probing import PAGES, probe_layouts
from prox_assets.refiner.generative.prompts import PromptWriter
from prox_assets.refiner.generative.recipe import GenerativeRecipe
from prox_assets.refiner.generative.refiners import GenerativeChunkRefiner, GenerativeDocumentRefiner
from prox_assets.refiner.generative.validation import JudgedPrograms, document_scores, judge_documents
from prox_assets.refiner.generative.writing import Writing
from prox_assets.refiner.metrics import best_f1
from prox_assets.refiner.sufficiency import require_chunks, require_documents, split_of
from prox_assets.refiner.tokenized import TextTokenizer
from prox_assets.refiner.training import TrainedRefiner, data_note
from prox_assets.refiner.training_state import work_folder

_BATCH_TOKENS = 16_384


def train_generative_refiner(
    sft: pa.Table,
    recipe: GenerativeRecipe,
    destination: Path,
    data: str = "",
    progress: Progress = no_progress,
    work: Path | None = None,
) -> TrainedRefiner:
    """Fine-tune on the SFT table of the recipe's task and write the checkpoint to `destination`.

    A `checkpoint` is not trained: its layout is probed and its scores are taken. The rest as in
    `training.train_document_refiner`.
    """
    if recipe.checkpoint is None:
        (require_documents if recipe.task is Task.DOCUMENT else require_chunks)(sft)
    started = time.monotonic()
    student = _Student(sft, recipe)
    curves = Curves() if recipe.checkpoint is not None else student.learn(progress, work)
    info = student.info()
    student.write(destination, info, curves, data_note(data, sft))
    return TrainedRefiner(destination, info, curves, time.monotonic() - started)


class _Student:
    """A model with all that its training and its judgement need."""

    def __init__(self, sft: pa.Table, recipe: GenerativeRecipe) -> None:
        self._recipe = recipe
        self._train, self._validation = split_of(sft, "train"), split_of(sft, "validation")
        self._model, tokenizer = _seeded_model(recipe, self._train)
        self._tokenizer = TextTokenizer(tokenizer)
        self._engine = _engine(self._model, tokenizer, recipe)
        self._writing = _writing(recipe, self._engine, self._tokenizer, sft["text"].to_pylist()[:PAGES])
        self._writer = PromptWriter(
            self._tokenizer, self._writing.layout, recipe.window, self._writing.grammar
        )
        room = recipe.max_new_tokens if recipe.task is Task.CHUNK else DECIDING_TOKENS
        require_room(self._writer.longest, room, recipe.window, self._engine.max_length)

    def learn(self, progress: Progress, work: Path | None) -> Curves:
        """Train, and leave the weights of the best epoch in the model."""
        from prox_assets.refiner.loop import fit, processes

        training = self._recipe.training
        examples = self._completions()
        if not examples:
            raise RefinerError("No chunk of the dataset was judged whole. Annotate more seeds (seeds.size).")
        padding = self._model.config.pad_token_id or 0
        course = completion_course(examples, training, padding, processes())
        with work_folder(work) as folder:
            return fit(self._model, course, training.optimization(), self._f1(), folder, progress)

    def info(self) -> CheckpointInfo:
        """Thresholds and scores on all validation rows."""
        thresholds, scores, evidence = self._scores()
        recipe = self._recipe
        metrics = {name: value for name, value in scores.items() if value is not None}
        return CheckpointInfo(
            recipe.task,
            recipe.window,
            thresholds,
            metrics,
            recipe.to_json(),
            kind="generative",
            evidence=evidence,
        )

    def write(self, destination: Path, info: CheckpointInfo, curves: Curves, data: str) -> None:
        """Write the checkpoint; adapters are merged into the weights."""
        model = self._model if self._recipe.lora is None else self._model.merge_and_unload()
        with replacing_folder(destination) as folder:
            save_checkpoint(model, self._tokenizer.tokenizer, folder)
            info.write(folder)
            self._writing.write(folder)
            write_curves(curves, folder)
            write_generative_card(folder, info, self._writing, data)

    def _completions(self) -> list[Completion]:
        from prox_assets.inference.transformers_engines import end_tokens

        end, *_ = end_tokens(self._model.generation_config.eos_token_id, self._tokenizer.tokenizer)
        if self._recipe.task is Task.DOCUMENT:
            return document_completions(self._train, self._writer, end)
        return chunk_completions(self._train, self._writer, end, self._recipe.max_new_tokens)

    def _f1(self) -> Callable[[], float]:
        few = self._validation.slice(0, self._recipe.training.validation_documents)
        if self._recipe.task is Task.CHUNK:
            return lambda: JudgedPrograms(self._chunk_refiner(), few).f1()

        def best() -> float:
            judged = judge_documents(self._document_refiner(), few)
            return best_f1(judged.scores, judged.truth)

        return best

    def _scores(self) -> tuple[DocumentThresholds | ChunkThresholds, dict[str, Any], Evidence | None]:
        if self._recipe.task is Task.CHUNK:
            if not self._validation.num_rows:
                return ChunkThresholds(), {}, None
            return JudgedPrograms(self._chunk_refiner(), self._validation).scores()
        if not self._validation.num_rows:
            return DocumentThresholds(), {}, None
        return document_scores(
            judge_documents(self._document_refiner(), self._validation), self._recipe.f1_slack
        )

    def _document_refiner(self) -> GenerativeDocumentRefiner:
        return GenerativeDocumentRefiner(
            self._engine, self._writer, self._recipe.window, DocumentThresholds()
        )

    def _chunk_refiner(self) -> GenerativeChunkRefiner:
        recipe = self._recipe
        return GenerativeChunkRefiner(
            self._engine, self._writer, recipe.window, ChunkThresholds(), recipe.max_new_tokens
        )


def _seeded_model(recipe: GenerativeRecipe, train: pa.Table) -> tuple[Any, Any]:
    import torch

    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.training.seed)
    return make_causal_model(recipe, (f"{text}\n{_PROGRAMS}" for text in train["text"].to_pylist()))


def _engine(model: Any, tokenizer: Any, recipe: GenerativeRecipe) -> GenerationEngine:
    from prox_assets.inference.transformers_engines import TransformersGenerator

    settings = EngineSettings(batch_tokens=_BATCH_TOKENS, threads=recipe.training.threads)
    return TransformersGenerator(model, tokenizer, settings)


def _writing(
    recipe: GenerativeRecipe, engine: GenerationEngine, tokenizer: TextTokenizer, texts: list[str]
) -> Writing:
    layout = recipe.layout or Layout.PLAIN_DOC
    if recipe.checkpoint is None or recipe.layout is not None:
        return Writing(layout, recipe.grammar, recipe.max_new_tokens)
    probed = probe_layouts(engine, tokenizer, recipe.task, recipe.window, texts)
    return Writing(probed[0].layout, recipe.grammar, recipe.max_new_tokens, probed)


def _calls(stage: Stage) -> list[str]:
    return [signature(spec, form) for spec in REGISTRY.active(stage) for form in spec.forms]


# What a new tokenizer should have words for, beside the texts.
_PROGRAMS = "\n".join(["[doc]", *_calls(Stage.DOCUMENT), *_calls(Stage.CHUNK), "[/doc]"])
