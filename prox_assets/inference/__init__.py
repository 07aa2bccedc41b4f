"""Engines: token ids in, probabilities or text out. Importing this package loads neither torch nor vLLM."""

from prox_assets.inference.engine import EngineSettings, ScoringEngine, Task
from prox_assets.inference.generation import (
    Generation,
    GenerationEngine,
    Prompt,
    Sampling,
)
from prox_assets.inference.opening import open_engine, open_generator

__all__ = [
    "EngineSettings",
    "Generation",
    "GenerationEngine",
    "Prompt",
    "Sampling",
    "ScoringEngine",
    "Task",
    "open_engine",
    "open_generator",
]
