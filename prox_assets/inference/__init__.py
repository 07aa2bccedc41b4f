"""Engines: token ids in, probabilities or text out. Importing this package loads neither torch nor vLLM."""

from prox_assets.inference.engine import (
    EngineSettings,
    Generation,
    GenerationEngine,
    Prompt,
    Sampling,
    ScoringEngine,
    Task,
    open_engine,
    open_generator,
)

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
