"""Refiners: SFT data, tokenizer, training, scoring and evaluation.

Importing this package loads no model code.
"""
