"""A range of documents with the verdict of published filter rules beside each."""

import polars as pl
import pyarrow as pa

from prox_assets.baselines.filters import DROPPED, rule_filtered
from prox_assets.documents.schema import RAW, RULE_FILTERED


def filtered_table(ruleset: str, documents: pa.Table) -> pa.Table:
    """Judge documents (`RAW`) by a rule set: one row each, those dropped without text (`RULE_FILTERED`)."""
    frame = pl.DataFrame(documents.select(RAW.names)).lazy()
    judged = rule_filtered(frame, ruleset).with_columns(
        pl.when(pl.col("status") == DROPPED).then(pl.lit("")).otherwise(pl.col("text")).alias("text")
    )
    return judged.collect().to_arrow().select(RULE_FILTERED.names).cast(RULE_FILTERED)
