"""A range of documents after published filter rules: the text that they leave, and a reason for each loss."""

import polars as pl
import pyarrow as pa

from prox_assets.baselines.filters import DROPPED, kept_text, rule_filtered
from prox_assets.documents.schema import RAW, RULE_FILTERED


def filtered_table(ruleset: str, documents: pa.Table) -> pa.Table:
    """Filter documents (`RAW`) by a rule set (`RULE_FILTERED`): one row each, with the text that is left.

    Dropped documents have no text. Only C4 changes kept ones: it removes lines and citation marks.
    """
    frame = pl.DataFrame(documents.select(RAW.names)).lazy()
    judged = rule_filtered(frame, ruleset).with_columns(
        pl.when(pl.col("status") == DROPPED).then(pl.lit("")).otherwise(kept_text(ruleset)).alias("text")
    )
    return judged.collect().to_arrow().select(RULE_FILTERED.names).cast(RULE_FILTERED)
