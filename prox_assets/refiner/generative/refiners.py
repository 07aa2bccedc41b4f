"""The generative refiners: a language model is asked, and its answer is the program."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Generation, GenerationEngine, Prompt, Task, open_generator
from prox_assets.programs import REGISTRY, Program, Stage, parse, removed_line_numbers, shifted
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds, read_info
from prox_assets.refiner.generative.prompts import (
    ANSWERS,
    LayoutScore,
    PreparedChunk,
    PromptLayout,
    PromptWriter,
    read_writing,
)
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.scoring.predictions import ChunkResult, DocumentScore
from prox_assets.refiner.scoring.refiner import PreparedDocument, tokenizer_of
from prox_assets.refiner.scoring.windows import merge_chunks
from prox_assets.refiner.tokenization import TextTokenizer

PAGES = 16
_MAX_TOKENS = 48
_STAGES = {Task.DOCUMENT: Stage.DOCUMENT, Task.CHUNK: Stage.CHUNK}


def probe_layouts(
    engine: GenerationEngine, tokenizer: TextTokenizer, task: Task, window: int, texts: Sequence[str]
) -> tuple[LayoutScore, ...]:
    """Ask for the first chunk or document of a few texts under every layout, best layout first."""
    texts = [text for text in texts if text.strip()][:PAGES]
    scores = [
        _score(engine, PromptWriter(tokenizer, layout, window, False), layout, task, texts)
        for layout in PromptLayout
    ]
    return tuple(sorted(scores, key=lambda score: (-score.well_formed, -score.log_probability)))


def _score(
    engine: GenerationEngine, writer: PromptWriter, layout: PromptLayout, task: Task, texts: Sequence[str]
) -> LayoutScore:
    if task is Task.DOCUMENT:
        prompts = [Prompt(tuple(one.ids)) for one in writer.documents(texts)]
    else:
        prompts = [chunks[0].prompt for chunks in writer.chunks(texts)]
    written = engine.generate(prompts, _MAX_TOKENS)
    first = _first_tokens(writer, task)
    chances = engine.answer_log_probabilities(
        [prompt.ids for prompt in prompts], [[token] for token in first]
    )
    return LayoutScore(
        layout,
        float(np.mean([_is_program(one.text, one.finished, _STAGES[task]) for one in written])),
        float(np.logaddexp.reduce(chances.astype(np.float64), axis=1).mean()),
    )


def _is_program(text: str, finished: bool, stage: Stage) -> bool:
    """Whether it reads as calls; what the probe's own limit cut off may lack the last one's end."""
    program = parse(text, stage)
    allowed = 0 if finished else 1
    lines = [line for line in text.split("\n") if line.strip()]
    return len(program.refusals) <= allowed and 0 < len(lines) <= len(program.calls) + allowed


def _first_tokens(writer: PromptWriter, task: Task) -> list[int]:
    """The tokens that a program of the stage can begin with, aliases included."""
    return sorted({writer.answer(f"{name}(")[0] for name in REGISTRY.usable[_STAGES[task]]})


class GenerativeDocumentRefiner:
    """Decides whether documents are worth keeping: how likely `keep_doc()` is beside `drop_doc()`.

    Nothing is decoded: one forward pass gives both.
    """

    def __init__(
        self, engine: GenerationEngine, writer: PromptWriter, window: int, thresholds: DocumentThresholds
    ) -> None:
        self._engine, self._writer = engine, writer
        self._answers = [writer.answer(text) for text in ANSWERS]
        self.window, self.thresholds = window, thresholds

    @classmethod
    def load(
        cls, path: Path, settings: EngineSettings, thresholds: DocumentThresholds | None = None
    ) -> "GenerativeDocumentRefiner":
        """Load a checkpoint directory; `thresholds` replace the stored ones.

        Raises RefinerError when the directory is not a generative document refiner's.
        """
        info = read_info(path, Task.DOCUMENT)
        stored = info.thresholds
        assert isinstance(stored, DocumentThresholds)
        writer = prompt_writer(path, info.window)
        return cls(open_generator(path, settings), writer, info.window, thresholds or stored)

    def score(self, texts: Sequence[str]) -> list[DocumentScore]:
        """Score documents. Of one longer than the window the first window is seen."""
        return self.score_prepared(self._writer.documents(texts))

    def score_prepared(self, prepared: Sequence[PreparedDocument]) -> list[DocumentScore]:
        """Score documents whose prompts were written before."""
        found = self._engine.answer_log_probabilities([one.ids for one in prepared], self._answers)
        keep = 1 / (1 + np.exp(np.float64(found[:, 1]) - found[:, 0]))
        return [
            DocumentScore(float(probability), one.n_tokens, one.n_tokens_seen)
            for probability, one in zip(keep, prepared, strict=True)
        ]

    def close(self) -> None:
        """Give the engine's memory back."""
        self._engine.close()


class GenerativeChunkRefiner:
    """Has the programs of chunks written by a language model, greedily, `max_new_tokens` long at most."""

    line_threshold = 0.5  # a line is named by the program or is not

    def __init__(
        self,
        engine: GenerationEngine,
        writer: PromptWriter,
        window: int,
        thresholds: ChunkThresholds,
        max_new_tokens: int,
    ) -> None:
        self._engine, self._writer, self._max_new_tokens = engine, writer, max_new_tokens
        self.window, self.thresholds = window, thresholds
        if writer.longest + max_new_tokens > engine.max_length:
            raise RefinerError(
                f"A window of {window} tokens makes prompts of up to {writer.longest}, and {max_new_tokens} "
                f"may be written; the model takes {engine.max_length} together. Lower the window."
            )

    @classmethod
    def load(cls, path: Path, settings: EngineSettings) -> "GenerativeChunkRefiner":
        """Load a checkpoint directory.

        Raises RefinerError when the directory is not a generative chunk refiner's.
        """
        info = read_info(path, Task.CHUNK)
        stored = info.thresholds
        assert isinstance(stored, ChunkThresholds)
        writer, engine = prompt_writer(path, info.window), open_generator(path, settings)
        return cls(engine, writer, info.window, stored, read_writing(path).max_new_tokens)

    def refine(self, texts: Sequence[str]) -> list[list[ChunkResult]]:
        """Write the programs of all chunks of every text; an empty text has none."""
        prepared = self._writer.chunks(texts)
        return [
            [written_chunk(*one) for one in zip(chunks, written, strict=True)]
            for chunks, written in zip(prepared, self.write(prepared), strict=True)
        ]

    def write(self, prepared: Sequence[Sequence[PreparedChunk]]) -> list[list[Generation]]:
        """What the model writes for every chunk of texts whose prompts were written before."""
        prompts = [one.prompt for chunks in prepared for one in chunks]
        found = iter(self._engine.generate(prompts, self._max_new_tokens))
        return [[next(found) for _ in chunks] for chunks in prepared]

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        """1 for a line that goes and 0 for another, `(lines,)` each; of a line in pieces their mean."""
        return [
            merge_chunks(text.count("\n") + 1, ((one.chunk, one.n_tokens, one.line_scores) for one in chunks))
            for text, chunks in zip(texts, self.refine(texts), strict=True)
        ]

    def close(self) -> None:
        """Give the engine's memory back."""
        self._engine.close()


@lru_cache(maxsize=4)
def prompt_writer(checkpoint: Path, window: int, language: Language = PROX) -> PromptWriter:
    """What writes the prompts of a checkpoint, loaded once per process."""
    writing = read_writing(checkpoint)
    return PromptWriter(tokenizer_of(checkpoint), writing.layout, window, writing.grammar, language)


def written_chunk(prepared: PreparedChunk, generation: Generation, language: Language = PROX) -> ChunkResult:
    """The program of a chunk in the document's line numbers, and the lines that it removes.

    What was cut off at the most tokens says so; its whole calls stand, the last one is refused.
    """
    chunk = prepared.chunk
    text = generation.text.strip()
    program = language.parse(text)
    by = chunk.line_start - prepared.first
    if by:
        program = shifted(program, by, language.registry)
        text = "\n".join([language.render(program), *_refused(text, program)]).strip()
    gone = set(removed_line_numbers(program, chunk, language.registry))
    scores = tuple(float(line in gone) for line in range(chunk.line_start, chunk.line_stop))
    error = None if generation.finished else f"cut off after {len(generation.ids)} tokens"
    return ChunkResult(chunk, prepared.n_tokens, scores, (), text, (), 0, error)


def _refused(text: str, program: Program) -> list[str]:
    """The lines of refused calls as they were written, so that they go on being refused."""
    return [text[refusal.at :].split("\n", 1)[0] for refusal in program.refusals]
