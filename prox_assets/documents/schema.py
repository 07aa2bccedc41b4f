"""The columns of every stage, as pyarrow schemas. Offsets are code points of the document's text."""

import pyarrow as pa

RAW = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source", pa.string()),
        pa.field("language", pa.string()),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)

REJECTED = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("raw", pa.large_string(), nullable=False),
    ]
)

SEEDS = RAW.append(pa.field("shard", pa.string(), nullable=False))

SFT_DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("keep", pa.bool_(), nullable=False),
    ]
)

_SPAN = pa.struct([pa.field("start", pa.int64()), pa.field("stop", pa.int64())])

SFT_CHUNKS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("program", pa.string(), nullable=False),
        pa.field("noise", pa.list_(_SPAN), nullable=False),
        pa.field("ignored", pa.list_(_SPAN), nullable=False),
    ]
)

DOC_PROGRAMS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("keep_probability", pa.float32()),
        pa.field("program", pa.string(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("n_tokens_seen", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error", pa.string()),
    ]
)

DOC_REFINED = pa.schema(
    [
        *RAW,
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("keep_probability", pa.float32()),
    ]
)

SPAN_SCORES = pa.list_(
    pa.struct([pa.field("start", pa.int64()), pa.field("stop", pa.int64()), pa.field("score", pa.float32())])
)

CHUNK_PROGRAMS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("chunk", pa.int32(), nullable=False),
        pa.field("line_start", pa.int32(), nullable=False),
        pa.field("line_stop", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("stop", pa.int64(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("program", pa.string(), nullable=False),
        pa.field("call_scores", pa.list_(pa.float32()), nullable=False),
        pa.field("line_scores", pa.list_(pa.float32()), nullable=False),
        pa.field("spans", SPAN_SCORES, nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error", pa.string()),
    ]
)

EDITS = pa.list_(
    pa.struct(
        [
            pa.field("chunk", pa.int32()),
            pa.field("call", pa.string()),
            pa.field("outcome", pa.string()),
            pa.field("start", pa.int64()),
            pa.field("stop", pa.int64()),
            pa.field("replacement", pa.string()),
            pa.field("score", pa.float32()),
            pa.field("n_tokens", pa.int64()),
        ]
    )
)

CHUNK_REFINED = pa.schema(
    [
        *RAW,
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("n_tokens_in", pa.int64(), nullable=False),
        pa.field("n_tokens_out", pa.int64(), nullable=False),
        pa.field("edits", EDITS, nullable=False),
    ]
)

RULE_FILTERED = pa.schema(
    [*RAW, pa.field("status", pa.string(), nullable=False), pa.field("reason", pa.string(), nullable=False)]
)
