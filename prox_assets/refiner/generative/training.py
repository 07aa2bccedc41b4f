"""Train a generative refiner: SFT table in, a checkpoint folder out; validated after every epoch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.documents.files import replacing_folder
from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, GenerationEngine, Task
from prox_assets.inference.loading import save_checkpoint
from prox_assets.programs import REGISTRY, Stage, parse
from prox_assets.programs.rendering import signature
from prox_assets.refiner import metrics
from prox_assets.refiner.bases import DECIDING_TOKENS, require_room
from prox_assets.refiner.cards import recipe_text, scores_text, thresholds_text
from prox_assets.refiner.checkpoint import (
    CARD_FILE,
    CheckpointInfo,
    ChunkThresholds,
    Curves,
    DocumentThresholds,
    Progress,
    no_progress,
    write_curves,
)
from prox_assets.refiner.data import labelled_texts, line_truth, require_chunks, require_documents, split_of
from prox_assets.refiner.evaluation import document_metrics, line_metrics
from prox_assets.refiner.gate import Evidence, measured
from prox_assets.refiner.generative.completions import (
    CompletionExample,
    chunk_completions,
    completion_course,
    document_completions,
)
from prox_assets.refiner.generative.model import make_causal_model
from prox_assets.refiner.generative.prompts import PromptLayout, PromptWriter, Writing
from prox_assets.refiner.generative.recipe import CausalRecipe
from prox_assets.refiner.generative.refiners import (
    PAGES,
    GenerativeChunkRefiner,
    GenerativeDocumentRefiner,
    probe_layouts,
)
from prox_assets.refiner.metrics import Bools, Floats, best_f1, require_numbers
from prox_assets.refiner.recipe import Optimization
from prox_assets.refiner.scoring.predictions import ChunkResult
from prox_assets.refiner.scoring.training import TrainedRefiner, data_note
from prox_assets.refiner.scoring.validation import Judged
from prox_assets.refiner.scoring.windows import merge_chunks
from prox_assets.refiner.tokenization import TextTokenizer
from prox_assets.refiner.training_state import work_folder

Scores = dict[str, Any]

_BETAS = (0.9, 0.95)


def judge_documents(refiner: GenerativeDocumentRefiner, table: pa.Table) -> Judged:
    """Keep probabilities beside the labels of a document table."""
    scores = [score.keep_probability for score in refiner.score(table["text"].to_pylist())]
    return Judged(np.array(scores), np.array(table["keep"].to_pylist(), dtype=np.bool_))


def document_scores(judged: Judged, f1_slack: float) -> tuple[DocumentThresholds, Scores, Evidence]:
    """The threshold that removes least among the good ones, what it reaches, and the evidence for the gate.

    Raises RefinerError where scores are not numbers.
    """
    require_numbers(judged.scores, "keep probabilities")
    good = metrics.good_thresholds(judged.scores, judged.truth, f1_slack)
    threshold = float(good[-1]) if len(good) else 0.5
    scores = asdict(document_metrics(judged.scores, judged.truth, threshold))
    evidence = measured(judged.scores, judged.truth, judged.documents, threshold, Task.DOCUMENT)
    return DocumentThresholds(threshold), scores, evidence


class ValidatedPrograms:
    """The programs that a refiner writes for a chunk table, and what they do to lines that count."""

    def __init__(self, refiner: GenerativeChunkRefiner, table: pa.Table) -> None:
        rows = labelled_texts(table)
        results = refiner.refine([row.text for row in rows])
        truths = [line_truth(row) for row in rows]
        scores = [_line_scores(row.text, chunks) for row, chunks in zip(rows, results, strict=True)]
        counting = [one[counts] for one, (_, counts) in zip(scores, truths, strict=True)]
        self._chunks = [chunk for chunks in results for chunk in chunks]
        self._documents = len(rows)
        self._scores: Floats = np.concatenate(counting)
        self._truth: Bools = np.concatenate([noise[counts] for noise, counts in truths])
        self._document = np.repeat(np.arange(len(rows)), [len(one) for one in counting])

    def f1(self) -> float:
        """Line F1."""
        return metrics.at_threshold(self._scores, self._truth, 0.5).f1

    def scores(self) -> tuple[ChunkThresholds, Scores, Evidence]:
        """Line scores, how well-formed and how long the programs are, and the evidence for the gate.

        A line is removed or is not, so the area under the ROC curve is the mean of the two classes' recalls.
        """
        programs = [parse(chunk.program_text, Stage.CHUNK) for chunk in self._chunks]
        pairs = list(zip(programs, self._chunks, strict=True))
        lines = asdict(line_metrics(self._scores, self._truth, 0.5, self._documents))
        evidence = measured(self._scores, self._truth, self._document, 0.5, Task.CHUNK)
        programs_scores = lines | {
            "n_programs": len(programs),
            "malformed_share": _mean([bool(program.refusals) or not program.calls for program in programs]),
            "cut_off_share": _mean([chunk.error is not None for _, chunk in pairs]),
            "calls_per_program": _mean([len(program.calls) for program in programs]),
        }
        return ChunkThresholds(), programs_scores, evidence


def _line_scores(text: str, chunks: Sequence[ChunkResult]) -> Floats:
    parts = ((one.chunk, one.n_tokens, one.line_scores) for one in chunks)
    return merge_chunks(text.count("\n") + 1, parts)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


_TITLES = {Task.DOCUMENT: "A document refiner that writes", Task.CHUNK: "A chunk refiner that writes"}
_PURPOSES = {
    Task.DOCUMENT: "Reads the first window of a document and writes `keep_doc()` or `drop_doc()`.",
    Task.CHUNK: "Reads a window of numbered lines and writes the calls that clean it: `remove_lines`, "
    "`normalize`, or `keep_chunk()`.",
}
_EXAMPLES = {Task.DOCUMENT: "The valley sleeps.", Task.CHUNK: "[000]Home\n[001]The valley sleeps."}


def write_generative_card(folder: Path, info: CheckpointInfo, writing: Writing, data: str) -> None:
    """Write `README.md` into a checkpoint directory.

    `data` says in a sentence or two what it was trained on.
    """
    template = resources.files("prox_assets.refiner") / "card_generative.txt"
    text = Template(template.read_text(encoding="utf-8")).substitute(
        title=_TITLES[info.task],
        purpose=_PURPOSES[info.task],
        data=data,
        origin=_origin(info),
        recipe=recipe_text(info),
        scores=scores_text(info) or "There were no validation rows.",
        decision=_decision(info, writing),
        example=repr(_example(info.task, writing)),
        max_new_tokens=str(writing.max_new_tokens),
        window=str(info.window),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _origin(info: CheckpointInfo) -> str:
    if info.recipe["checkpoint"]:
        return f"`{info.recipe['checkpoint']}`, as it is."
    base = info.recipe["base"]
    return f"Fine-tuned from `{base}`." if base else "A Llama made from a configuration, from scratch."


def _decision(info: CheckpointInfo, writing: Writing) -> str:
    if info.task is Task.DOCUMENT:
        return (
            "The decision is the probability of `keep_doc()` beside `drop_doc()`, from one forward pass. "
            f"Threshold, chosen on the same data: {thresholds_text(info)}."
        )
    held = "held to a grammar of the chunk's own lines" if writing.grammar else "written freely"
    return f"Programs are {held}, without sampling, {writing.max_new_tokens} tokens long at most."


def _example(task: Task, writing: Writing) -> str:
    text = _EXAMPLES[task]
    return writing.layout.document(text) if task is Task.DOCUMENT else writing.layout.chunk(text)


_BATCH_TOKENS = 16_384


def train_generative_refiner(
    sft: pa.Table,
    recipe: CausalRecipe,
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

    def __init__(self, sft: pa.Table, recipe: CausalRecipe) -> None:
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
            return fit(self._model, course, Optimization.of(training, _BETAS), self._f1(), folder, progress)

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

    def _completions(self) -> list[CompletionExample]:
        from prox_assets.inference.transformers_engines import end_tokens

        end, *_ = end_tokens(self._model.generation_config.eos_token_id, self._tokenizer.tokenizer)
        if self._recipe.task is Task.DOCUMENT:
            return document_completions(self._train, self._writer, end)
        return chunk_completions(self._train, self._writer, end, self._recipe.max_new_tokens)

    def _f1(self) -> Callable[[], float]:
        few = self._validation.slice(0, self._recipe.training.validation_documents)
        if self._recipe.task is Task.CHUNK:
            return lambda: ValidatedPrograms(self._chunk_refiner(), few).f1()

        def best() -> float:
            judged = judge_documents(self._document_refiner(), few)
            return best_f1(judged.scores, judged.truth)

        return best

    def _scores(self) -> tuple[DocumentThresholds | ChunkThresholds, dict[str, Any], Evidence | None]:
        if self._recipe.task is Task.CHUNK:
            if not self._validation.num_rows:
                return ChunkThresholds(), {}, None
            return ValidatedPrograms(self._chunk_refiner(), self._validation).scores()
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


def _seeded_model(recipe: CausalRecipe, train: pa.Table) -> tuple[Any, Any]:
    import torch

    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.training.seed)
    return make_causal_model(recipe, (f"{text}\n{_PROGRAMS}" for text in train["text"].to_pylist()))


def _engine(model: Any, tokenizer: Any, recipe: CausalRecipe) -> GenerationEngine:
    from prox_assets.inference.transformers_engines import TransformersGenerator

    settings = EngineSettings(batch_tokens=_BATCH_TOKENS, threads=recipe.training.threads)
    return TransformersGenerator(model, tokenizer, settings)


def _writing(
    recipe: CausalRecipe, engine: GenerationEngine, tokenizer: TextTokenizer, texts: list[str]
) -> Writing:
    layout = recipe.layout or PromptLayout.PLAIN_DOC
    if recipe.checkpoint is None or recipe.layout is not None:
        return Writing(layout, recipe.grammar, recipe.max_new_tokens)
    probed = probe_layouts(engine, tokenizer, recipe.task, recipe.window, texts)
    return Writing(probed[0].layout, recipe.grammar, recipe.max_new_tokens, probed)


def _calls(stage: Stage) -> list[str]:
    return [signature(spec, form) for spec in REGISTRY.active(stage) for form in spec.forms]


# What a new tokenizer should have words for, beside the texts.
_PROGRAMS = "\n".join(["[doc]", *_calls(Stage.DOCUMENT), *_calls(Stage.CHUNK), "[/doc]"])
