"""Refining shards: programs written for every document and chunk, executed, and committed range by range."""
