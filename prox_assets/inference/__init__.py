"""Engines: token ids in, probabilities out. Importing this package loads neither torch nor vLLM."""

from prox_assets.inference.engine import EngineSettings, ScoringEngine, Task, open_engine

__all__ = ["EngineSettings", "ScoringEngine", "Task", "open_engine"]
