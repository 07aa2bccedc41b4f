"""Training examples of a generative refiner: prompts with their answers, and only the answer is learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from prox_assets.programs import DROP_DOC, KEEP_DOC
from prox_assets.refiner.course import Batch, Course
from prox_assets.refiner.examples import IGNORED, labelled_texts
from prox_assets.refiner.generative.prompts import PromptWriter
from prox_assets.refiner.generative.recipe import CausalTraining
from prox_assets.refiner.generative.targets import chunk_target


@dataclass(frozen=True, slots=True)
class Completion:
    """A prompt and its answer, the end token included."""

    prompt: Sequence[int]
    answer: Sequence[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def document_completions(table: pa.Table, writer: PromptWriter, end: int) -> list[Completion]:
    """One example a row of the document table; `end` is the end token."""
    answers = {keep: [*writer.answer(text), end] for keep, text in ((True, KEEP_DOC), (False, DROP_DOC))}
    prompts = writer.documents(table["text"].to_pylist())
    return [
        Completion(found.ids, answers[keep])
        for found, keep in zip(prompts, table["keep"].to_pylist(), strict=True)
    ]


def chunk_completions(table: pa.Table, writer: PromptWriter, end: int, longest: int) -> list[Completion]:
    """One example a row's chunk that somebody judged.

    Answers of over `longest` tokens are left out: nobody will give the model the room to write them.
    """
    rows, programs = labelled_texts(table), table["program"].to_pylist()
    found = []
    for row, program, chunks in zip(rows, programs, writer.chunks([row.text for row in rows]), strict=True):
        for one in chunks:
            target = chunk_target(row, program, one.chunk)
            if target is not None:
                found.append(Completion(one.prompt.ids, [*writer.answer(target), end]))
    return [one for one in found if len(one.answer) <= longest]


def completion_course(
    examples: Sequence[Completion], training: CausalTraining, padding: int, processes: int
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


def _tensors(examples: Sequence[Completion], padding: int) -> Batch:
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
