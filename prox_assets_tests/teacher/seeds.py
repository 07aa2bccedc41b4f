"""Tables of raw documents and seeds for the tests of the teachers."""

from collections.abc import Iterable

import pyarrow as pa

from prox_assets.documents.schema import RAW, SEEDS


def raw_batch(doc_ids: Iterable[str], host: str = "a.example", metadata: str = "{}") -> pa.RecordBatch:
    rows = [
        {
            "row": row,
            "doc_id": doc_id,
            "text": f"text of {doc_id}",
            "url": f"https://{host}/{doc_id}",
            "source": host,
            "language": "en",
            "metadata": metadata,
        }
        for row, doc_id in enumerate(doc_ids)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=RAW)


def seed_table(texts: dict[str, str], source: str = "web", language: str | None = None) -> pa.Table:
    rows = [
        {
            "row": row,
            "doc_id": doc_id,
            "text": text,
            "source": source,
            "language": language,
            "metadata": "{}",
            "shard": "s0",
        }
        for row, (doc_id, text) in enumerate(texts.items())
    ]
    return pa.Table.from_pylist(rows, schema=SEEDS)
