"""Opening the engine that the settings name; its library is imported then."""

from pathlib import Path

from prox_assets.inference.engine import EngineSettings, ScoringEngine, Task
from prox_assets.inference.generation import GenerationEngine


def open_engine(checkpoint: Path, task: Task, settings: EngineSettings) -> ScoringEngine:
    """Load `checkpoint` for `task` with the engine that the settings name.

    Raises RefinerError when the directory is missing, is of another task, or the engine is not installed.
    """
    if settings.engine == "vllm":
        from prox_assets.inference.vllm_engine import VllmEngine

        return VllmEngine(checkpoint, task, settings)
    from prox_assets.inference.transformers_engine import TransformersEngine

    return TransformersEngine.load(checkpoint, task, settings)


def open_generator(checkpoint: Path, settings: EngineSettings) -> GenerationEngine:
    """Load a causal language model with the engine that the settings name.

    Raises RefinerError when the directory is missing, holds another kind of model, or the engine is not
    installed.
    """
    if settings.engine == "vllm":
        from prox_assets.inference.vllm_generator import VllmGenerator

        return VllmGenerator(checkpoint, settings)
    from prox_assets.inference.transformers_generator import TransformersGenerator

    return TransformersGenerator.load(checkpoint, settings)
