"""Data that a blocking check finds bad: a committed file with all its rows, one of them without text."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.store import FinishedShard

CHECK = "text_present"


@contextmanager
def spoiled(shard: FinishedShard) -> Iterator[None]:
    """Take the text of the first document of `raw_documents` away for a while."""
    path = shard.paths()[0]
    good = path.read_bytes()
    table = pq.read_table(path)
    place = table.schema.get_field_index("text")
    texts = pa.array(["", *table["text"].to_pylist()[1:]], table.schema.field(place).type)
    pq.write_table(table.set_column(place, table.schema.field(place), texts), path)
    try:
        yield
    finally:
        path.write_bytes(good)
