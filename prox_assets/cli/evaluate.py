"""`prox evaluate`: score refiners against labels, without an orchestrator."""

import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prox_assets.config import DocumentLabels
from prox_assets.config.loading import load_catalogue
from prox_assets.documents.files import read_json, read_table
from prox_assets.documents.ids import id_texts
from prox_assets.documents.names import fingerprint_name, section
from prox_assets.documents.shards import CURRENT
from prox_assets.documents.store import Store, open_store
from prox_assets.errors import InputError, UntrustedResultError
from prox_assets.evaluation.report import page_texts
from prox_assets.inference import EngineSettings, Task
from prox_assets.refiner.evaluation import (
    DocumentMetrics,
    LineMetrics,
    document_metrics,
    labelled_lines,
    line_metrics,
)
from prox_assets.refiner.gate import Gate, measured, quality_gate
from prox_assets.refining.models import open_chunk_refiner, open_document_refiner
from prox_assets.teacher.label_files import label_table, open_parquet, read_document_labels, text_column
from prox_assets.terminal import new_table, open_console, progress_bars, show

_TIMED, _BATCH = 8, 32
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Known:
    """Documents that refiners were trained on, by id and by text."""

    ids: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()

    def holds(self, doc_id: str, text: str) -> bool:
        """Whether this is one of them."""
        return doc_id in self.ids or text in self.texts


def evaluate(options: Namespace) -> int:
    """Score refiners on labelled lines, labelled documents or both, and print the figures.

    Raises:
        InputError: nothing to measure, no refiner for it, or labels that cannot be read.
        UntrustedResultError: after the figures were printed: on these labels a refiner is no better than
            keeping everything, or they are too few of one class to tell.
    """
    if options.labels is None and options.documents is None:
        raise InputError("say with --labels (lines) or --documents what to measure against.")
    for file in filter(None, (options.labels, options.documents)):
        open_parquet(file)
    store = open_store(load_catalogue(options.catalogue).storage) if options.domain else None
    known = _known(options, store)
    scores: dict[str, Any] = {}
    gates: dict[Task, Gate] = {}
    if options.labels is not None:
        checkpoint = _checkpoint(options.chunk_refiner, store, options.domain, "chunk_refiner")
        lines, gates[Task.CHUNK] = _line_scores(options.labels, checkpoint, known)
        scores["lines"] = asdict(lines)
    if options.documents is not None:
        checkpoint = _checkpoint(options.doc_refiner, store, options.domain, "doc_refiner")
        documents, gates[Task.DOCUMENT] = _document_scores(options, checkpoint, known, store)
        scores["documents"] = asdict(documents)
    if options.json:
        print(json.dumps(scores if options.documents is not None else scores["lines"]))
    else:
        _print_tables(scores)
    doubts = [
        f"on these labels the {task} refiner is not shown to be good ({gate})."
        for task, gate in gates.items()
        if not gate.is_reliable
    ]
    if doubts:
        raise UntrustedResultError(" ".join(doubts))
    return 0


def _print_tables(scores: dict[str, dict[str, Any]]) -> None:
    titles = {"lines": "lines, noise is positive", "documents": "documents, keep is positive"}
    for name, metrics in scores.items():
        table = new_table(titles[name], "")
        for figure, value in metrics.items():
            table.add_row(figure, f"{value:.4f}" if isinstance(value, float) else f"{value}")
        show(open_console(), table)


def checkpoint_in(path: Path, remedy: str) -> Path:
    """Find the checkpoint of a folder: itself, an artifact's folder, or the folder of a refiner's asset.

    Raises:
        InputError: there is none.
    """
    folders = [path, path / "checkpoint"]
    file = path / CURRENT
    if file.is_file():
        current = read_json(file, remedy)
        folders.append(path / fingerprint_name(current.get("fingerprint"), file) / "checkpoint")
    for folder in folders:
        if (folder / "prox.json").is_file():
            return folder
    raise InputError(f"{path} holds no refiner (no prox.json there, nor in its checkpoint); {remedy}.")


def _checkpoint(given: Path | None, store: Store | None, domain: str | None, asset: str) -> Path:
    option = "--chunk-refiner" if asset == "chunk_refiner" else "--doc-refiner"
    if given is not None:
        return checkpoint_in(given, f"give {option} a checkpoint, its folder in the store, or the asset's")
    if store is None or domain is None:
        raise InputError(f"say which refiner: {option} FOLDER, or --domain for the current one of a domain.")
    return checkpoint_in(store.artifact(domain, asset).folder, f"materialize {asset} for {domain} again")


def _known(options: Namespace, store: Store | None) -> Known:
    """The documents that do not count: those of `--exclude`, and what a domain's refiners were trained on."""
    ids: set[str] = set()
    texts: set[str] = set()
    if options.exclude is not None:
        names = open_parquet(options.exclude, "file").schema_arrow.names
        column = next((name for name in ("doc_id", "id") if name in names), None)
        if column is None:
            raise InputError(f"{options.exclude} has no column doc_id or id, only {', '.join(names)}.")
        table = read_table(options.exclude, [column], "write it anew", InputError)
        ids |= {text for text in id_texts(table[column]) if text is not None}
    if store is not None:
        for asset in ("doc_refiner", "chunk_refiner"):
            artifact = store.artifact(options.domain, asset)
            current = artifact.folder.parent / CURRENT
            dataset = fingerprint_name(
                section(read_json(current), "configuration", current).get("dataset"), current
            )
            for name in ("documents.parquet", "chunks.parquet"):
                file = store.root / options.domain / "sft_dataset" / dataset / name
                rows = read_table(file, ["doc_id", "text"])
                ids.update(rows["doc_id"].to_pylist())
                texts.update(rows["text"].to_pylist())
    return Known(frozenset(ids), frozenset(texts))


def _line_scores(file: Path, checkpoint: Path, known: Known) -> tuple[LineMetrics, Gate]:
    labels = label_table(file, report=open_console(stderr=True).print)
    texts = page_texts(labels)
    fresh = _fresh(file, labels["id"].to_pylist(), texts, known)
    labels = labels.filter(pa.array(fresh, pa.bool_()))
    lines = labelled_lines(labels)
    refiner = open_chunk_refiner(checkpoint, EngineSettings())
    try:
        scores = list(_timed("lines", page_texts(labels), refiner.line_scores))
    finally:
        refiner.close()
    documents = sum(bool(counts.any()) for counts in lines.counting)
    chosen, threshold = lines.chosen(scores), refiner.line_threshold
    metrics = line_metrics(chosen, lines.truth, threshold, documents)
    evidence = measured(chosen, lines.truth, lines.document, threshold, Task.CHUNK)
    return metrics, quality_gate(evidence, Task.CHUNK)


def _document_scores(
    options: Namespace, checkpoint: Path, known: Known, store: Store | None
) -> tuple[DocumentMetrics, Gate]:
    asked = DocumentLabels(
        path=options.documents, column=options.keep_column, keep_at_least=options.keep_at_least
    )
    file = read_document_labels(asked, None)
    open_console(stderr=True).print(file.account())
    keep: dict[str, bool] = {}
    for doc_id, labels in file.rows.items():
        answers = {label["keep"] for label in labels} - {None}
        if len(answers) > 1:
            raise InputError(f"{options.documents}, id {doc_id!r}: labels that disagree; correct them.")
        if answers:
            keep[doc_id] = bool(answers.pop())
    texts = _texts(options.documents, keep, store, options.domain)
    ids = [doc_id for doc_id in keep if doc_id in texts]
    if missing := len(keep) - len(ids):
        open_console(stderr=True).print(f"{missing:,} labelled documents are left out: they have no text")
    fresh = _fresh(options.documents, ids, [texts[doc_id] for doc_id in ids], known)
    ids = [doc_id for doc_id, counts in zip(ids, fresh, strict=True) if counts]
    if not ids:
        raise InputError(f"{options.documents}: no labelled document is left to score; give other labels.")
    refiner = open_document_refiner(checkpoint, EngineSettings())
    try:
        scores = list(_timed("documents", [texts[doc_id] for doc_id in ids], refiner.score))
    finally:
        refiner.close()
    probabilities = np.array([score.keep_probability for score in scores], dtype=np.float64)
    truth, threshold = np.array([keep[doc_id] for doc_id in ids]), refiner.thresholds.keep
    metrics = document_metrics(probabilities, truth, threshold)
    evidence = measured(probabilities, truth, np.arange(len(ids)), threshold, Task.DOCUMENT)
    return metrics, quality_gate(evidence, Task.DOCUMENT)


def _texts(file: Path, keep: dict[str, bool], store: Store | None, domain: str | None) -> dict[str, str]:
    """The texts of labelled documents: from the file (text or lines), else the domain's raw documents."""
    names = open_parquet(file).schema_arrow.names
    if "text" in names:
        table = read_table(file, ["id", "text"], "write it anew", InputError)
        texts: dict[str, str] = {}
        for doc_id, text in zip(id_texts(table["id"]), text_column(file, table, "text"), strict=True):
            if doc_id is None or text is None:
                continue
            if texts.setdefault(doc_id, text) != text:
                raise InputError(f"{file}, id {doc_id!r}: texts that differ; give every document its own id.")
        return texts
    if {"lines", "is_noise"} <= set(names):
        labels = label_table(file)
        return dict(zip(labels["id"].to_pylist(), page_texts(labels), strict=True))
    if store is None or domain is None:
        raise InputError(f"{file} has neither text nor lines; add the text, or say of which --domain it is.")
    wanted = pa.array(list(keep), pa.string())
    found: dict[str, str] = {}
    for shard in store.shards(domain, "raw_documents"):
        for batch in shard.batches(["doc_id", "text"]):
            rows = batch.filter(pc.is_in(batch["doc_id"], value_set=wanted))
            found.update(zip(rows["doc_id"].to_pylist(), rows["text"].to_pylist(), strict=True))
    return found


def _fresh(file: Path, ids: Sequence[str], texts: Sequence[str], known: Known) -> list[bool]:
    """Whether each document is one that the refiner was not trained on; says how many were."""
    fresh = [not known.holds(*document) for document in zip(ids, texts, strict=True)]
    if seen := fresh.count(False):
        open_console(stderr=True).print(
            f"{file}: {seen:,} of {len(ids):,} documents are left out, the refiner was trained on them"
        )
    if not any(fresh):
        raise InputError(f"{file}: no document is left to score; give labels of other documents.")
    return fresh


def _timed(
    what: str, texts: Sequence[str], score: Callable[[Sequence[str]], Sequence[Result]]
) -> Iterator[Result]:
    """Score texts some at a time, under a bar; says how long it will take once the first ones are done."""
    console = open_console(stderr=True)
    total = sum(map(len, texts))
    console.print(f"{what}: {len(texts):,} documents, {total:,} characters")
    with progress_bars() as bars:
        task = bars.add_task(what, total=len(texts))
        started, at = time.monotonic(), 0
        while at < len(texts):
            stop = min(len(texts), at + (_BATCH if at else _TIMED))
            yield from score(texts[at:stop])
            if at == 0 and stop < len(texts):
                done = max(1, sum(map(len, texts[:stop])))
                seconds = (time.monotonic() - started) * (total - done) / done
                console.print(f"{what}: about {_duration(seconds)} more, by the first {stop} documents")
            at = stop
            bars.update(task, completed=at)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{max(1, round(seconds))} seconds"
