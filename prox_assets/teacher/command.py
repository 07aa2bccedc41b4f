"""`prox teach`: annotate documents without an orchestrator, or say what it would cost."""

from argparse import Namespace
from pathlib import Path

import pyarrow as pa

from prox_assets.catalogue import load_catalogue
from prox_assets.documents.files import read_table, write_table
from prox_assets.documents.store import Store, open_store
from prox_assets.errors import InputError, TeacherError
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import FAILED
from prox_assets.teacher.llm import LlmTeacher
from prox_assets.terminal import open_console

SEEDS_FILE = "seeds.parquet"


def teach(options: Namespace) -> int:
    """Annotate a domain's seeds, or a Parquet file of documents (columns doc_id, text).

    Writes doc_annotations.parquet and chunk_annotations.parquet to `options.output`. Returns 1 where the
    teacher failed on a seed; running again asks for those alone.
    """
    console = open_console(stderr=True)
    catalogue = load_catalogue(options.catalogue)
    section = catalogue.domain(options.domain)
    store = open_store(catalogue.storage)
    seeds = _seeds(options.input, store, options.domain)
    teacher = open_teacher(section.teacher, store.root / options.domain, console.print)
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


def _seeds(path: Path | None, store: Store, domain: str) -> pa.Table:
    if path is None:
        path = store.artifact(domain, "seed_documents").folder / SEEDS_FILE
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    table = read_table(path, remedy="give a Parquet file with the columns doc_id and text", kind=InputError)
    missing = {"doc_id", "text"} - set(table.column_names)
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(sorted(missing))}.")
    return table
