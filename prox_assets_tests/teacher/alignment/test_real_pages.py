"""People's main text as a rewrite of a few real pages; benchmarks/alignment_real_pages.py measures all."""

import pyarrow.parquet as pq
import pytest

from prox_assets.chunking import whole
from prox_assets.programs import Rails, applied, execute_chunks
from prox_assets.teacher.alignment import program_from_rewrite
from prox_assets_tests.real import real_data

PAGES = 60
RAILS = Rails(max_removed_share=1.0, min_kept_chars=0)


@pytest.mark.parametrize("name", ["linelabels", "linelabels_main"])
@pytest.mark.parametrize("joined_by", ["\n", " "], ids=["lines", "one_paragraph"])
def test_precision_and_recall_of_the_main_text(name: str, joined_by: str) -> None:
    table = pq.read_table(real_data() / f"{name}.parquet", columns=["lines", "is_noise"])
    step = table.num_rows // PAGES
    kept = wanted = right = 0
    for row in table.take(list(range(0, PAGES * step, step))).to_pylist():
        labels = list(zip(row["lines"], row["is_noise"], strict=True))
        text = "\n".join(row["lines"])
        rewrite = joined_by.join(line for line, noise in labels if not noise)
        program = program_from_rewrite(text, whole(text), rewrite)
        gone = set[int]()
        for edit in applied(execute_chunks(text, [(whole(text), program, None)], RAILS).edits):
            gone.update(range(edit.start, edit.stop))
        at = 0
        for line, noise in labels:
            for place in range(at, at + len(line)):
                if not text[place].isspace():
                    wanted += not noise
                    kept += place not in gone
                    right += not noise and place not in gone
            at += len(line) + 1
    assert right / kept >= 0.99
    assert right / wanted >= 0.99
