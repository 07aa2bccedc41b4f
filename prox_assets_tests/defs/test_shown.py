from pathlib import Path

import pyarrow as pa

from prox_assets.defs.ui import edits_markdown, shares_markdown
from prox_assets.documents.schema import CHUNK_REFINED, DOC_REFINED
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store

_PAGE = {"row": 0, "doc_id": "a|b", "metadata": "{}", "reason": "", "status": "kept"}


def _written(store: Store, asset: str, table: pa.Table) -> FinishedShard:
    writer = store.writer(ShardKey("web", asset, "s"), {"asset": asset})
    writer.commit(RowRange(0, 1), table)
    return writer.finish()


def test_what_was_taken_from_a_page_is_shown_on_one_line_each(tmp_path: Path) -> None:
    edits = [
        {
            "chunk": 0,
            "call": "remove_lines",
            "outcome": "applied",
            "start": 0,
            "stop": 11,
            "replacement": "",
            "score": 0.91,
            "n_tokens": 3,
        },
        {
            "chunk": 0,
            "call": "normalize",
            "outcome": "no_match",
            "start": 0,
            "stop": 1,
            "replacement": "x",
            "score": None,
            "n_tokens": 0,
        },
    ]
    store = Store(tmp_path)
    source = _PAGE | {"text": "Home | News\nA page.", "n_tokens": 9, "keep_probability": 0.5}
    after = _PAGE | {"text": "A page.", "n_tokens_in": 9, "n_tokens_out": 6, "edits": edits}
    sources = _written(store, "doc_refined_corpus", pa.Table.from_pylist([source], DOC_REFINED))
    refined = _written(store, "chunk_refined_corpus", pa.Table.from_pylist([after], CHUNK_REFINED))
    assert edits_markdown(sources, refined).splitlines()[2:] == [
        "| `a¦b` | remove_lines | 0.91 | `Home ¦ News` |  |"
    ]


def test_probabilities_are_counted_in_ten_bins() -> None:
    lines = shares_markdown([0.0, 0.05, 0.95, 1.0, 1.0]).splitlines()
    assert lines[2].startswith("| 0.0 – 0.1 | 2 |")
    assert lines[-1].startswith("| 0.9 – 1.0 | 3 | ████████████████████ |")
    assert len(lines) == 12
    assert len(shares_markdown([]).splitlines()) == 12
