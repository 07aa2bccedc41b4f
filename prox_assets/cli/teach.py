"""`prox teach`: annotate documents without an orchestrator, or say what it would cost."""

from argparse import Namespace
from collections import Counter
from pathlib import Path

import pyarrow as pa

from prox_assets.config.loading import load_catalogue
from prox_assets.documents.files import file_fingerprint, read_table, write_table
from prox_assets.documents.ids import id_texts
from prox_assets.documents.schema import SEEDS
from prox_assets.documents.store import Store, open_store
from prox_assets.errors import InputError, StoreError, TeacherError
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import FAILED
from prox_assets.teacher.label_files import open_parquet, text_column
from prox_assets.teacher.llm import LlmTeacher
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.rules.teacher import RulesTeacher
from prox_assets.terminal import open_console

SEEDS_FILE = "seeds.parquet"


def teach(options: Namespace) -> int:
    """Annotate a domain's seeds, or a Parquet file of documents (columns doc_id, text).

    Rules count repeated lines in all raw documents of the domain, or in that file.

    Writes doc_annotations.parquet and chunk_annotations.parquet to `options.output`. Returns 1 where the
    teacher failed on a seed; running again asks for those alone.
    """
    console = open_console(stderr=True)
    catalogue = load_catalogue(options.catalogue)
    section = catalogue.domain(options.domain)
    store = open_store(catalogue.storage)
    seeds, corpus = _given(options.input) if options.input is not None else _seeds_of(store, options.domain)
    teacher = open_teacher(section.teacher, store.root / options.domain, console.print, corpus=corpus)
    if isinstance(teacher, RulesTeacher):
        console.print(f"repeated lines are counted in {teacher.repetition}")
    if isinstance(teacher, LlmTeacher):
        console.print(f"documents: {teacher.estimate_documents(seeds)}")
        console.print(f"chunks: {teacher.estimate_chunks(seeds)}")
    elif options.dry_run:
        console.print(f"{teacher.name} asks nobody: {seeds.num_rows:,} seeds cost nothing.")
    if options.dry_run:
        return 0
    if options.output is None:
        raise TeacherError("say with --output where the annotations go, or --dry-run to see what they cost.")
    failed = 0
    for name, annotate in (("doc", teacher.annotate_documents), ("chunk", teacher.annotate_chunks)):
        table = annotate(seeds)
        write_table(table, options.output / f"{name}_annotations.parquet")
        missing = table.column("status").to_pylist().count(FAILED)
        console.print(f"{name}_annotations: {table.num_rows:,} rows, {missing:,} seeds failed")
        failed += missing
    return int(failed > 0)


def _seeds_of(store: Store, domain: str) -> tuple[pa.Table, Corpus]:
    seeds = read_table(
        store.artifact(domain, "seed_documents").folder / SEEDS_FILE,
        remedy=f"materialize seed_documents for {domain} again",
        kind=StoreError,
    )
    return seeds, Corpus.of_shards(store.shards(domain, "raw_documents"))


def _given(path: Path) -> tuple[pa.Table, Corpus]:
    """The documents of a Parquet file as seeds; columns that it lacks are empty.

    Raises:
        InputError: it cannot be read, lacks ids or texts, or an id stands in it twice.
    """
    table = open_parquet(path, "file").read()
    if missing := {"doc_id", "text"} - set(table.column_names):
        raise InputError(
            f"{path} has no column {', '.join(sorted(missing))}, only {', '.join(table.column_names)}; "
            "write the documents as columns doc_id and text."
        )
    ids, texts = id_texts(table["doc_id"]), text_column(path, table, "text")
    for row, (doc_id, text) in enumerate(zip(ids, texts, strict=True)):
        if doc_id is None or text is None:
            raise InputError(f"{path}, row {row} has no {'id' if doc_id is None else 'text'}; take it out.")
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise InputError(f"{path} has the id {twice!r} more than once; give every document an id of its own.")
    optional = {name: text_column(path, table, name) for name in ("url", "source", "language", "metadata")}
    columns = {"row": range(len(ids)), "doc_id": ids, "text": texts} | optional
    columns["metadata"] = [value or "{}" for value in optional["metadata"]]
    columns["shard"] = [path.stem] * len(ids)
    seeds = pa.table({field.name: pa.array(columns[field.name], field.type) for field in SEEDS}, schema=SEEDS)
    return seeds, Corpus(f"the {len(ids):,} documents of {path}", file_fingerprint(path), seeds.to_batches)
