"""Training data: SFT tables from annotations, labelled sequences from those, and whether they are enough."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.arrays import Bools, covered, visible
from prox_assets.chunking import Chunk, line_spans
from prox_assets.documents.schema import SFT_CHUNKS, SFT_DOCUMENTS
from prox_assets.errors import RefinerError
from prox_assets.programs import Program, Rails, Stage, execute_chunks, parse, render
from prox_assets.refiner.scoring.windows import Window, windows
from prox_assets.refiner.tokenization import Ints, Specials, TextTokenizer

ANNOTATED = "annotated"
TRAIN, VALIDATION = "train", "validation"
_NO_RAILS = Rails(max_removed_share=1.0, max_chunk_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)
_SHARE_BYTES = 8


@dataclass(frozen=True, slots=True)
class SftTables:
    """What the two refiners are trained on: schemas `SFT_DOCUMENTS` and `SFT_CHUNKS`."""

    documents: pa.Table
    chunks: pa.Table


def build_sft(
    seeds: pa.Table,
    doc_annotations: pa.Table,
    chunk_annotations: pa.Table,
    validation_share: float,
    train_only: Collection[str] = (),
) -> SftTables:
    """Join the seeds with what the teacher said of them.

    A document with a decision is a row of `documents`. One with annotated chunks that is not to be dropped
    is a row of `chunks`: its program, the characters that the program removes, and the characters nobody
    judged (lines set aside, chunks without annotation), which neither train nor score. Both tables split a
    document alike; those of `train_only` (hard examples) are never validated on. Raises RefinerError for
    annotations of documents that are not among the seeds.
    """
    texts = dict(zip(seeds["doc_id"].to_pylist(), seeds["text"].to_pylist(), strict=True))
    decisions = _decisions(doc_annotations)
    chunks = _annotated_chunks(chunk_annotations)
    _require_seeds(texts.keys(), decisions.keys() | chunks.keys())
    splits = {doc_id: TRAIN if doc_id in train_only else split(doc_id, validation_share) for doc_id in texts}
    documents = [
        {"doc_id": doc_id, "split": splits[doc_id], "text": text, "keep": decisions[doc_id]}
        for doc_id, text in texts.items()
        if doc_id in decisions
    ]
    chunk_rows = [
        {"doc_id": doc_id, "split": splits[doc_id], "text": text} | labelled(text, chunks[doc_id])
        for doc_id, text in texts.items()
        if doc_id in chunks and decisions.get(doc_id, True)
    ]
    return SftTables(
        pa.Table.from_pylist(documents, schema=SFT_DOCUMENTS),
        pa.Table.from_pylist(chunk_rows, schema=SFT_CHUNKS),
    )


def split(doc_id: str, validation_share: float) -> str:
    """`train` or `validation`, by a hash of the id: the same in every run and whatever else is annotated."""
    digest = blake2b(doc_id.encode(), digest_size=_SHARE_BYTES, key=b"sft split").digest()
    return VALIDATION if int.from_bytes(digest, "big") < validation_share * 256**_SHARE_BYTES else TRAIN


def labelled(text: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The program, noise and ignored spans of one document from its annotated chunks."""
    found = [_chunk(row) for row in rows]
    programs = [parse(row["program"], Stage.CHUNK) for row in rows]
    execution = execute_chunks(
        text, [(chunk, program, None) for chunk, program in zip(found, programs, strict=True)], _NO_RAILS
    )
    noise = [(e.start, e.stop) for e in execution.edits if e.outcome == "applied" and not e.replacement]
    return {
        "program": render(_joined(programs)),
        "noise": _spans(noise),
        "ignored": _spans([*_gaps(text, found), *_lines(text, rows)]),
    }


def _decisions(annotations: pa.Table) -> dict[str, bool]:
    rows = annotations.select(["doc_id", "keep", "status"]).to_pylist()
    return {
        row["doc_id"]: row["keep"] for row in rows if row["status"] == ANNOTATED and row["keep"] is not None
    }


def _annotated_chunks(annotations: pa.Table) -> dict[str, list[dict[str, Any]]]:
    chunks: dict[str, list[dict[str, Any]]] = {}
    for row in annotations.to_pylist():
        if row["status"] == ANNOTATED:
            chunks.setdefault(row["doc_id"], []).append(row)
    return {doc_id: sorted(rows, key=lambda row: row["start"]) for doc_id, rows in chunks.items()}


def _require_seeds(seeds: Any, annotated: Any) -> None:
    strangers = sorted(annotated - seeds)
    if strangers:
        raise RefinerError(
            f"{len(strangers)} annotated documents are not among the seeds, the first {strangers[0]!r}. "
            "Annotate the present seeds again."
        )


def _chunk(row: dict[str, Any]) -> Chunk:
    return Chunk(row["chunk_index"], row["line_start"], row["line_stop"], row["start"], row["stop"])


def _joined(programs: Sequence[Program]) -> Program:
    """One program for the document; `keep_chunk()` stands only where nothing else does."""
    calls = [call for program in programs for call in program.calls]
    edits = tuple(call for call in calls if call.name != "keep_chunk")
    return Program(edits or tuple(calls[:1]))


def _lines(text: str, rows: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    spans = line_spans(text)
    return [spans[line] for row in rows for line in row["ignored_lines"] or ()]


def _gaps(text: str, chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """The characters of no annotated chunk."""
    stops = [0, *(chunk.stop for chunk in chunks)]
    starts = [*(chunk.start for chunk in chunks), len(text)]
    return list(zip(stops, starts, strict=True))


def _spans(spans: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    """Sorted, merged where they touch, the empty ones left out."""
    merged: list[list[int]] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return [{"start": start, "stop": stop} for start, stop in merged]


T = TypeVar("T", int, float)
IGNORED = -100
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence, specials included, with a loss weight for each label.

    `labels`: one for a document, one a token for a chunk (-100: no loss).
    """

    ids: list[int]
    labels: list[int]
    weights: list[float]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A document with the spans a chunk refiner should remove and those it is not judged on."""

    text: str
    noise: Spans
    ignored: Spans


def document_examples(table: pa.Table, tokenizer: TextTokenizer, window: int) -> list[Example]:
    """One example a row: the first window of the document and keep (1) or drop (0)."""
    specials = tokenizer.specials
    return [
        Example(specials.wrap(tokens.ids[: window - len(specials)]), [int(keep)], [1.0])
        for tokens, keep in zip(tokenizer(table["text"].to_pylist()), table["keep"].to_pylist(), strict=True)
    ]


def labelled_texts(table: pa.Table) -> list[LabelledText]:
    """The rows of the chunk SFT table."""
    return [
        LabelledText(row["text"], _pairs(row["noise"]), _pairs(row["ignored"])) for row in table.to_pylist()
    ]


def chunk_examples(
    rows: Sequence[LabelledText],
    tokenizer: TextTokenizer,
    window: int,
    line_balance: float,
    overlap: int = 0,
) -> list[Example]:
    """One example a window that has labels; `line_balance` as in `recipe.Training`. A token is noise when
    its first visible character is.

    White space is labelled by its first character: the newline of a noisy line is noise. Tokens that a window
    shares with its neighbours (`overlap` as in `windows`) have no label in it.
    """
    specials = tokenizer.specials
    examples: list[Example] = []
    for row, tokens in zip(rows, tokenizer([row.text for row in rows]), strict=True):
        labels = character_labels(row)
        examples.extend(
            Example(
                specials.wrap(found.ids),
                _around(specials, found, IGNORED, _token_labels(found, labels)),
                _around(specials, found, 0.0, _token_weights(found, line_balance)),
            )
            for found in windows(row.text, tokens, window - len(specials), overlap)
        )
    return [example for example in examples if any(label != IGNORED for label in example.labels)]


def character_labels(row: LabelledText) -> Ints:
    """1 noise, 0 clean, -100 ignored, for every character."""
    labels = covered(len(row.text), row.noise).astype(np.int64)
    labels[covered(len(row.text), row.ignored)] = IGNORED
    return labels


def _token_labels(window: Window, characters: Ints) -> list[int]:
    first = np.where(window.shown, window.anchors, window.tokens.starts)
    labels: list[int] = characters[np.minimum(first, len(characters) - 1)].tolist()
    return labels


def _token_weights(window: Window, line_balance: float) -> list[float]:
    lines = np.searchsorted(window.line_starts, window.tokens.starts, side="right") - 1
    sizes = np.bincount(np.maximum(lines, 0), minlength=1)
    weights: list[float] = (sizes[np.maximum(lines, 0)].astype(np.float64) ** -line_balance).tolist()
    return weights


def _around(specials: Specials, window: Window, value: T, inner: list[T]) -> list[T]:
    before, after = len(specials.prefix) + len(window.before), len(window.after) + len(specials.suffix)
    return [value] * before + inner + [value] * after


def _pairs(spans: Sequence[dict[str, int]]) -> list[tuple[int, int]]:
    return [(span["start"], span["stop"]) for span in spans]


def line_truth(row: LabelledText) -> tuple[Bools, Bools]:
    """For every line whether it is noise and whether it counts, `(lines,)` each.

    A line is noise when all its visible characters are. It counts when it has visible characters and none is
    ignored.
    """
    shown, labels = visible(row.text), character_labels(row)
    spans = np.array(line_spans(row.text), dtype=np.int64)
    total = _per_line(shown, spans)
    noise = _per_line(shown & (labels == 1), spans)
    ignored = _per_line(shown & (labels == IGNORED), spans)
    return (noise == total) & (total > 0), (total > 0) & (ignored == 0)


def _per_line(flags: Bools, spans: np.ndarray) -> np.ndarray:
    sums = np.r_[0, np.cumsum(flags)]
    result: np.ndarray = sums[spans[:, 1]] - sums[spans[:, 0]]
    return result


LEAST_TRAINING = 10
LEAST_VALIDATION = 2
_REMEDY = "Annotate more seeds (seeds.size), check the teacher, or raise validation_share."


def split_of(table: pa.Table, split: str) -> pa.Table:
    """The rows of one split, `train` or `validation`."""
    return table.filter(pc.equal(table["split"], split))


def require_documents(table: pa.Table) -> None:
    """Raise RefinerError unless both splits hold enough documents to keep and to drop."""
    for split, least in (("train", LEAST_TRAINING), ("validation", LEAST_VALIDATION)):
        keep = split_of(table, split)["keep"].to_pylist()
        for label, found in (("keep", sum(keep)), ("drop", len(keep) - sum(keep))):
            if found < least:
                raise RefinerError(
                    f"The document refiner needs {least} {split} documents labelled {label}, "
                    f"there are {found}. {_REMEDY}"
                )


def require_chunks(table: pa.Table) -> None:
    """Raise RefinerError unless both splits hold enough documents, with noisy and clean lines."""
    for split, least in (("train", LEAST_TRAINING), ("validation", LEAST_VALIDATION)):
        rows = labelled_texts(split_of(table, split))
        if len(rows) < least:
            raise RefinerError(
                f"The chunk refiner needs {least} {split} documents with line labels, "
                f"there are {len(rows)}. {_REMEDY}"
            )
        _require_both_kinds(rows, split)


def _require_both_kinds(rows: list[LabelledText], split: str) -> None:
    noisy = clean = 0
    for row in rows:
        noise, counts = line_truth(row)
        noisy += int((noise & counts).sum())
        clean += int((~noise & counts).sum())
    for kind, found in (("noisy", noisy), ("clean", clean)):
        if not found:
            raise RefinerError(f"The chunk refiner has no {kind} line among the {split} documents. {_REMEDY}")
