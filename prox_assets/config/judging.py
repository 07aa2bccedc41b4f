"""What a domain is measured against."""

from typing import Annotated

from pydantic import Field, PositiveInt

from prox_assets.config.locations import LocalPath
from prox_assets.config.section import Band, Section, Share


class Evaluation(Section):
    """Truth to measure against: a labels file, of which only held-out documents are scored."""

    labels: LocalPath
    max_documents: PositiveInt = 2_000


class PretrainingComparison(Section):
    """Tiny language models trained on each corpus and compared on held-out clean text."""

    steps: PositiveInt = 60
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    hidden_size: PositiveInt = 96
    layers: PositiveInt = 2
    batch_tokens: PositiveInt = 4_096
    context: PositiveInt = 256
    learning_rate: float = Field(default=5e-3, gt=0)


class Bands(Section):
    """What the checks hold a domain's shards to; ratios are of tokens, shares of rows or calls."""

    doc_keep_ratio: Band = (0.05, 0.98)
    chunk_keep_ratio: Band = (0.5, 1.0)
    max_rejected_share: Share = 0.1
    max_error_share: Share = 0.01
    max_emptied_share: Share = 0.05
    max_guard_rail_share: Share = 0.05
    max_refused_share: Share = 0.2
    language_keep_ratio: Band = (0.02, 1.0)
    rule_keep_ratio: Band = (0.0, 1.0)
    max_rule_drift: Share = 1.0
    max_language_drift: Share = 0.3
    max_length_drift: Share = 0.5
    max_position_share: Share = 0.7
    min_number_retention: Share = 0.3
    min_rare_word_retention: Share = 0.3
    min_unspaced_retention: Share = 0.2
    min_group: PositiveInt = 30
    retention_sample: PositiveInt = 500
