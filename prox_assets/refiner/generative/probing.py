"""Which layout a checkpoint was trained with, found by asking it: the releases of ProX do not say."""

from collections.abc import Sequence

import numpy as np

from prox_assets.inference import GenerationEngine, Prompt, Task
from prox_assets.programs import REGISTRY, Stage, parse
from prox_assets.refiner.generative.layout import Layout
from prox_assets.refiner.generative.prompts import PromptWriter
from prox_assets.refiner.generative.writing import LayoutScore
from prox_assets.refiner.tokenized import TextTokenizer

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
        for layout in Layout
    ]
    return tuple(sorted(scores, key=lambda score: (-score.well_formed, -score.log_probability)))


def _score(
    engine: GenerationEngine, writer: PromptWriter, layout: Layout, task: Task, texts: Sequence[str]
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
