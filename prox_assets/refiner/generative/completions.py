"""Training examples of a generative refiner: prompts with the programs that it should answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.arrays import Bools, visible
from prox_assets.chunking import Chunk, line_spans
from prox_assets.config import CausalTraining
from prox_assets.programs import (
    DROP_DOC,
    KEEP_DOC,
    Beyond,
    Call,
    Outcome,
    Program,
    Rails,
    Stage,
    execute_chunks,
    parse,
    render,
    shifted,
)
from prox_assets.refiner.checkpoint import ChunkThresholds
from prox_assets.refiner.data import IGNORED, LabelledText, character_labels, labelled_texts
from prox_assets.refiner.generative.prompts import PromptWriter, first_label
from prox_assets.refiner.recipe import Batch, Course
from prox_assets.refiner.scoring.predictions import edit_program
from prox_assets.refiner.scoring.windows import NoiseSpan, fill_blank

_CERTAIN = ChunkThresholds(line=0.5, span=0.5, min_span_chars=1)
_UNJUDGED_SHARE = 0.2


def chunk_target(row: LabelledText, program: str, chunk: Chunk) -> str | None:
    """The answer for one chunk, with the labels that its lines are shown with.

    A line goes where all its visible characters are noise, a blank one between two that go with them; noise
    inside other lines becomes `normalize(span, "")` where a call can name it. Of the document's `program` the
    replacements that act in the chunk are added. None where more than a fifth of what is visible was judged
    by nobody: the answer would call it clean.
    """
    shown, labels = (
        visible(row.text)[chunk.start : chunk.stop],
        character_labels(row)[chunk.start : chunk.stop],
    )
    if (labels[shown] < 0).sum() > _UNJUDGED_SHARE * shown.sum():
        return None
    noise = labels == 1
    lines = [slice(*span) for span in line_spans(row.text[chunk.start : chunk.stop])]
    scores = fill_blank(np.array([_score(noise[line], shown[line]) for line in lines])).tolist()
    spans = [span for line in lines for span in _spans(noise, shown, line, chunk.start)]
    written = edit_program(row.text, chunk, scores[: chunk.line_stop - chunk.line_start], spans, _CERTAIN)
    calls = (
        *(call for call in written.program.calls if call.name != "keep_chunk"),
        *_replacements(row.text, program, chunk),
    )
    by = first_label(chunk) - chunk.line_start
    return render(shifted(Program(calls or written.program.calls), by))


def _score(noise: Bools, shown: Bools) -> float:
    return float(noise[shown].all()) if shown.any() else float("nan")


def _spans(noise: Bools, shown: Bools, line: slice, offset: int) -> list[NoiseSpan]:
    """The runs of noise in a line that begin and end at visible characters."""
    places = [place for place in range(line.start, line.stop) if shown[place]]
    runs = [list(run) for gone, run in groupby(places, key=lambda place: bool(noise[place])) if gone]
    return [NoiseSpan(offset + run[0], offset + run[-1] + 1, 1.0) for run in runs]


def _replacements(text: str, program: str, chunk: Chunk) -> Sequence[Call]:
    calls = [
        c for c in parse(program, Stage.CHUNK).calls if c.name == "normalize" and c.arguments[1:] > ("",)
    ]
    return [call for call in dict.fromkeys(calls) if _acts(text, call, chunk)]


def _acts(text: str, call: Call, chunk: Chunk) -> bool:
    done = execute_chunks(
        text, [(chunk, Program((call,)), None)], Rails(max_added_share=1.0, beyond=Beyond.RESTORE)
    )
    return any(edit.outcome == Outcome.APPLIED for edit in done.edits)


@dataclass(frozen=True, slots=True)
class CompletionExample:
    """A prompt and its answer, the end token included."""

    prompt: Sequence[int]
    answer: Sequence[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def document_completions(table: pa.Table, writer: PromptWriter, end: int) -> list[CompletionExample]:
    """One example a row of the document table; `end` is the end token."""
    answers = {keep: [*writer.answer(text), end] for keep, text in ((True, KEEP_DOC), (False, DROP_DOC))}
    prompts = writer.documents(table["text"].to_pylist())
    return [
        CompletionExample(found.ids, answers[keep])
        for found, keep in zip(prompts, table["keep"].to_pylist(), strict=True)
    ]


def chunk_completions(
    table: pa.Table, writer: PromptWriter, end: int, longest: int
) -> list[CompletionExample]:
    """One example a row's chunk that somebody judged.

    Answers of over `longest` tokens are left out: nobody will give the model the room to write them.
    """
    rows, programs = labelled_texts(table), table["program"].to_pylist()
    found = []
    for row, program, chunks in zip(rows, programs, writer.chunks([row.text for row in rows]), strict=True):
        for one in chunks:
            target = chunk_target(row, program, one.chunk)
            if target is not None:
                found.append(CompletionExample(one.prompt.ids, [*writer.answer(target), end]))
    return [one for one in found if len(one.answer) <= longest]


def completion_course(
    examples: Sequence[CompletionExample], training: CausalTraining, padding: int, processes: int
) -> Course:
    """Epochs of shuffled steps; within a step micro-batches hold similar lengths."""
    accumulation = min(
        max(1, training.batch_size // (training.micro_batch * processes)),
        -(-len(examples) // (training.micro_batch * processes)),
    )
    lengths = [len(example) for example in examples]

    def collate(positions: list[int], _: int) -> Batch:
        return _tensors([examples[position] for position in positions], padding)

    epochs = _epochs(lengths, training, accumulation * processes)
    return Course(epochs, lengths, collate, None, accumulation, processes)


def _epochs(lengths: list[int], training: CausalTraining, batches_a_step: int) -> list[list[list[int]]]:
    random = np.random.default_rng(training.seed)
    size, micro = batches_a_step * training.micro_batch, training.micro_batch
    left = None if training.max_steps is None else training.max_steps * batches_a_step
    epochs = []
    for _ in range(training.epochs):
        order = random.permutation(len(lengths)).tolist()
        steps = [order[first : first + size] for first in range(0, len(order), size)]
        longest_first = [sorted(step, key=lambda place: -lengths[place]) for step in steps]
        batches = [step[i : i + micro] for step in longest_first for i in range(0, len(step), micro)][:left]
        left = None if left is None else left - len(batches)
        if batches:
            epochs.append(batches)
    return epochs


def _tensors(examples: Sequence[CompletionExample], padding: int) -> Batch:
    import torch

    width = max(map(len, examples))
    ids = np.full((len(examples), width), padding, dtype=np.int64)
    labels, mask = np.full_like(ids, IGNORED), np.zeros_like(ids)
    for row, example in enumerate(examples):
        size = len(example)
        ids[row, :size] = [*example.prompt, *example.answer]
        labels[row, len(example.prompt) : size] = example.answer
        mask[row, :size] = 1
    arrays: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
