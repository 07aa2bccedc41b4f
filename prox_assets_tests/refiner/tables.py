"""SFT tables from the embedded corpus's truth, as a perfect teacher would give them."""

from collections.abc import Sequence

import pyarrow as pa

from prox_assets.documents.schema import SFT_CHUNKS, SFT_DOCUMENTS
from prox_assets.refiner.data import split
from prox_assets.sample import SamplePage

VALIDATION_SHARE = 0.2


def document_table(pages: Sequence[SamplePage]) -> pa.Table:
    rows = [
        {
            "doc_id": page.doc_id,
            "split": split(page.doc_id, VALIDATION_SHARE),
            "text": page.text,
            "keep": page.keep,
        }
        for page in pages
    ]
    return pa.Table.from_pylist(rows, schema=SFT_DOCUMENTS)


def chunk_table(pages: Sequence[SamplePage]) -> pa.Table:
    rows = [
        {
            "doc_id": page.doc_id,
            "split": split(page.doc_id, VALIDATION_SHARE),
            "text": page.text,
            "program": "",
            "noise": [{"start": start, "stop": stop} for start, stop in noise_spans(page)],
            "ignored": [],
        }
        for page in pages
        if page.keep
    ]
    return pa.Table.from_pylist(rows, schema=SFT_CHUNKS)


def noise_spans(page: SamplePage) -> list[tuple[int, int]]:
    spans, start = [], 0
    for number, (line, noisy) in enumerate(zip(page.lines, page.is_noise, strict=True)):
        if noisy:
            spans.append((start, start + len(line)))
        spans += [(start + first, start + last) for at, first, last in page.spans if at == number]
        start += len(line) + 1
    return spans


def labels_table(pages: Sequence[SamplePage]) -> pa.Table:
    rows = [
        {"id": page.doc_id, "lines": list(page.lines), "is_noise": list(page.is_noise)}
        for page in pages
        if page.keep
    ]
    return pa.Table.from_pylist(rows)
