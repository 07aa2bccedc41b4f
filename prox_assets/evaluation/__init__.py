"""Evaluation: refiners and baselines against labels, on documents that no teacher has seen."""
