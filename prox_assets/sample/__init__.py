"""The embedded corpus: pages written by a seeded generator that knows the truth about every line."""

from prox_assets.sample.pages import SamplePage, generate_pages
from prox_assets.sample.write import SampleFiles, SampleShard, write_sample

__all__ = ["SampleFiles", "SamplePage", "SampleShard", "generate_pages", "write_sample"]
