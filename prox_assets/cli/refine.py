"""`prox refine`, `prox estimate` and `prox show`: refine files, say what it will cost, show a document."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prox_assets.config import (
    Bands,
    Columns,
    ExecutionSection,
    Inference,
    Input,
    RefinerSection,
    ThresholdsSection,
)
from prox_assets.config.inputs import absolute
from prox_assets.config.loading import load_catalogue
from prox_assets.documents.discovery import HARMLESS
from prox_assets.documents.formats.readers import refuse_absent_columns
from prox_assets.documents.ids import id_text
from prox_assets.documents.ingest import distrust, ingest, ingest_report
from prox_assets.documents.sources import Listing, ShardSource, closed_shards
from prox_assets.documents.store import FinishedShard, ShardKey, Store, open_store
from prox_assets.errors import CatalogueError, InputError, UntrustedResultError
from prox_assets.inference import Task
from prox_assets.programs import Rails
from prox_assets.programs.profiles.interface import PROX, Language
from prox_assets.quality.statistics.shard import ShardStatistics, shard_inputs, write_shard_statistics
from prox_assets.refining import driver as parts
from prox_assets.refining import stages as shards
from prox_assets.refining.document_stage import FAILED
from prox_assets.refining.estimate import estimate_refining
from prox_assets.refining.gating import (
    GateNote,
    gate_notes,
    gated_chunk_refiner,
    gated_document_refiner,
    unreliable,
)
from prox_assets.refining.models import (
    ChunkDecider,
    DocumentDecider,
    engine_settings,
    language_of,
    moved_thresholds,
    rails_of,
)
from prox_assets.terminal import new_table, open_console, progress_bars, show

_SHOWN_SKIPPED = 20
STAGES = ("raw_documents", "doc_programs", "doc_refined_corpus", "chunk_programs", "chunk_refined_corpus")


@dataclass(frozen=True, slots=True)
class Refinement:
    """All that decides how files are refined."""

    domain: str
    documents: DocumentDecider
    chunks: ChunkDecider
    rails: Rails | None
    thresholds: ThresholdsSection
    rows_per_commit: int
    workers: int
    notes: dict[Task, GateNote]
    language: Language = PROX


def refine_files(options: Any) -> int:
    """Refine the files of `options.input` into `options.output`; see `prox refine --help`.

    The inputs are looked at before a model is loaded.

    Raises:
        RefinerError: a refiner is not reliable, and is not to be used or replaced then.
        UntrustedResultError: after all was written: a refiner is not reliable or failed on too many
            documents, a file gives no shard, too many rows of one were rejected, one has no documents, or too
            many documents went over a guard rail.
    """
    console = open_console()
    task = _task(options)
    store = Store(options.output)
    listing = closed_shards([task.source], store.group_log(task.domain))
    refuse_absent_columns(listing.shards, task.source.columns)
    _print_skipped(listing, console)
    settings = task.load()
    for note in settings.notes.values():
        console.print(note.sentence)
    done = [refine_shard(store, shard, settings) for shard in listing.shards]
    reports = {
        shard.name: ingest_report(store.shard(ShardKey(settings.domain, "raw_documents", shard.name)))
        for shard in listing.shards
    }
    for name, report in reports.items():
        for line in report.lines(name):
            console.print(line)
    show(console, _funnel(done))
    for shard in listing.shards:
        refined = store.shard(ShardKey(settings.domain, "chunk_refined_corpus", shard.name))
        console.print(f"{shard.name}: {refined.folder}")
    reasons = [
        *unreliable(settings.notes),
        *_failures(store, task, listing),
        *_unread(listing),
        *distrust(reports, task.checks.max_rejected_share),
        *over_guard_rail(done, task.checks.max_guard_rail_share),
    ]
    if reasons:
        raise UntrustedResultError(" ".join(reasons))
    return 0


def _print_skipped(listing: Listing, console: Console) -> None:
    """Print the files that give no shard, those that should have first."""
    ordered = sorted(listing.skipped, key=lambda skipped: skipped.reason in HARMLESS)
    for skipped in ordered[:_SHOWN_SKIPPED]:
        console.print(f"skipped {skipped}")
    rest = Counter(skipped.reason.value for skipped in ordered[_SHOWN_SKIPPED:])
    if rest:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in rest.most_common())
        console.print(f"skipped {rest.total():,} more: {counts}")


def _failures(store: Store, task: "_Task", listing: Listing) -> Iterator[str]:
    """Say that a refiner failed on more of its input than the checks allow (checks.max_error_share)."""
    for asset, refiner in (("doc_programs", "document"), ("chunk_programs", "chunk")):
        failed = rows = 0
        for shard in listing.shards:
            programs = store.shard(ShardKey(task.domain, asset, shard.name))
            for batch in programs.batches(["status"]):
                rows += len(batch)
                failed += pc.sum(pc.equal(batch["status"], FAILED)).as_py() or 0
        if failed > task.checks.max_error_share * rows:
            yield (
                f"the {refiner} refiner failed on {failed:,} of {rows:,} {refiner}s, which stay as they are "
                f"(checks.max_error_share); the errors are in {asset}. Train it again."
            )


def _unread(listing: Listing) -> Iterator[str]:
    """Say that files which should have given a shard are missing from the result."""
    if listing.unread:
        count = len(listing.unread)
        files = "a file is" if count == 1 else f"{count:,} files are"
        first = str(listing.unread[0]).rstrip(".")
        yield f"{files} missing from it, first {first}. Correct that and run again."


def over_guard_rail(done: Sequence[ShardStatistics], most: float) -> Iterator[str]:
    """Count the documents whose programs went over a guard rail, where their share is above `most`."""
    over, documents = sum(one.over_guard_rail for one in done), sum(one.documents_after_doc for one in done)
    if over > most * documents:
        yield (
            f"The chunk programs of {over:,} of {documents:,} documents ({over / documents:.1%}) went over a "
            f"guard rail, at most {most:.0%} may (max_guard_rail_share). Look at some with `prox show`; drop "
            "such pages in the document stage or raise the line threshold or the rail."
        )


def refine_shard(store: Store, source: ShardSource, settings: Refinement) -> ShardStatistics:
    """Take one shard through all stages; what an earlier run committed is not done again."""
    thresholds = moved_thresholds(settings.chunks.refiner.thresholds, settings.thresholds, settings.rails)
    with progress_bars() as bar:
        rows = bar.add_task(f"{source.name} read", total=None)
        raw = ingest(
            source,
            store,
            settings.domain,
            settings.rows_per_commit,
            lambda done: bar.update(rows, completed=done),
        )
        report = _reporter(bar, source.name)
        doc_programs = shards.write_doc_programs(
            store, raw, settings.documents, report("judge"), settings.workers
        )
        refined = shards.write_doc_refined(store, raw, doc_programs, settings.thresholds.keep, report("drop"))
        chunk_programs = shards.write_chunk_programs(
            store, refined, settings.chunks, report("edit"), settings.workers, settings.language
        )
        edited = shards.write_chunk_refined(
            store,
            refined,
            chunk_programs,
            settings.documents.checkpoint,
            settings.rails,
            thresholds,
            report("write"),
            settings.language,
        )
    stages = dict(zip(STAGES, (raw, doc_programs, refined, chunk_programs, edited), strict=True))
    inputs = shard_inputs(settings.domain, source.name, stages)
    return write_shard_statistics(inputs, store.root / settings.domain / "corpus_statistics" / source.name)


def print_estimate(catalogue: Path | None, name: str, sample: int) -> int:
    """Print what is left to refine of a domain and what it will take on this machine."""
    settings = load_catalogue(catalogue)
    domain, store = settings.domain(name), open_store(settings.storage)
    engine = engine_settings(settings.inference)
    documents, chunks = (
        store.artifact(name, asset).folder / "checkpoint" for asset in ("doc_refiner", "chunk_refiner")
    )
    for note in gate_notes(documents, chunks, domain.refiner).values():
        print(note.sentence, file=sys.stderr)
    found = estimate_refining(
        store,
        name,
        gated_document_refiner(documents, engine, domain.refiner),
        gated_chunk_refiner(chunks, engine, domain.refiner),
        domain.thresholds.keep,
        sample,
    )
    console = open_console()
    console.print(
        f"{found.documents:,} documents in {found.shards:,} shards are left ({found.shards_done:,} done); "
        f"{found.sampled:,} were timed"
    )
    table = new_table("stage", "tokens", "engine hours", "±", "beside it, hours", "operations")
    for stage in found.stages:
        hours = (
            f"{stage.device_seconds / 3600:,.2f}",
            f"{stage.error:.0%}",
            f"{stage.host_seconds / 3600:,.2f}",
        )
        table.add_row(stage.stage, f"{stage.tokens:,}", *hours, f"{stage.operations:.2e}")
    show(console, table)
    return 0


def show_document_of(doc_id: str, catalogue: Path | None, output: Path | None) -> int:
    """Print a document before and after, with the calls that made the difference."""
    from prox_assets.quality.report.text import show_document

    if output is None:
        settings = load_catalogue(catalogue)
        store, domains = open_store(settings.storage), sorted(settings.domains)
    else:
        store = Store(output)
        domains = sorted(path.name for path in output.iterdir() if path.is_dir()) if output.exists() else []
    refined = [shard for domain in domains for shard in store.shards(domain, "chunk_refined_corpus")]
    if not refined:
        raise InputError(
            f"nothing is refined below {store.root} yet: materialize chunk_refined_corpus of a shard, or run "
            "prox refine and give its --output here."
        )
    for raw, row in _find(store, refined, id_text(doc_id) or ""):
        show(open_console(), show_document(raw, row))
        return 0
    raise InputError(
        f"no refined document {doc_id!r} below {store.root}; refine its shard first, or check the id."
    )


def _find(
    store: Store, refined: Iterable[FinishedShard], doc_id: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for shard in refined:
        raw = store.shard(ShardKey(shard.key.domain, "raw_documents", shard.key.shard))
        yield from _find_in(raw, shard, doc_id)


def _find_in(
    raw: FinishedShard, refined: FinishedShard, doc_id: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for rows in refined.ranges:
        ids = refined.read(rows, columns=["doc_id"])["doc_id"]
        place = pc.index(ids, doc_id).as_py()
        if place >= 0:
            yield (
                raw.read(rows).slice(place, 1).to_pylist()[0],
                refined.read(rows).slice(place, 1).to_pylist()[0],
            )


@dataclass(frozen=True, slots=True)
class _Task:
    """What `prox refine` is to read and how; `load` loads the refiners."""

    domain: str
    source: Input
    checks: Bands
    load: Callable[[], Refinement]


def _task(options: Any) -> _Task:
    """Join the catalogue's domain and the paths given in its place."""
    if options.domain is None:
        return _task_by_paths(options)
    catalogue = load_catalogue(options.catalogue)
    domain = catalogue.domain(options.domain)
    section = _section(domain.refiner, options)

    def load() -> Refinement:
        store = open_store(catalogue.storage)
        settings = engine_settings(catalogue.inference)
        checkpoints = {
            name: given or store.artifact(options.domain, name).folder / "checkpoint"
            for name, given in (
                ("doc_refiner", options.doc_refiner),
                ("chunk_refiner", options.chunk_refiner),
            )
        }
        return Refinement(
            options.domain,
            gated_document_refiner(checkpoints["doc_refiner"], settings, section),
            gated_chunk_refiner(checkpoints["chunk_refiner"], settings, section),
            rails_of(domain.execution),
            domain.thresholds,
            catalogue.inference.rows_per_commit,
            catalogue.inference.workers,
            gate_notes(checkpoints["doc_refiner"], checkpoints["chunk_refiner"], section),
            language_of(domain.language),
        )

    source = domain.inputs[0].model_copy(update={"path": absolute(options.input), "manifest": None})
    return _Task(options.domain, source, domain.checks, load)


def _section(section: RefinerSection, options: Any) -> RefinerSection:
    """What to do with an unreliable refiner: as the command says, else as the catalogue does."""
    chosen = getattr(options, "when_unreliable", None)
    return section if chosen is None else section.model_copy(update={"when_unreliable": chosen})


def _task_by_paths(options: Any) -> _Task:
    if options.doc_refiner is None or options.chunk_refiner is None:
        raise CatalogueError("give --domain (with --catalogue), or both --doc-refiner and --chunk-refiner.")

    section = _section(RefinerSection(), options)

    def load() -> Refinement:
        inference = Inference()
        settings = engine_settings(inference)
        return Refinement(
            "corpus",
            gated_document_refiner(options.doc_refiner, settings, section),
            gated_chunk_refiner(options.chunk_refiner, settings, section),
            rails_of(ExecutionSection()),
            ThresholdsSection(),
            inference.rows_per_commit,
            inference.workers,
            gate_notes(options.doc_refiner, options.chunk_refiner, section),
        )

    columns = Columns(doc_id=options.id_column, text=options.text_column)
    return _Task("corpus", Input(path=absolute(options.input), columns=columns), Bands(), load)


def _reporter(bar: Progress, shard: str) -> Any:
    def stage(name: str) -> parts.OnProgress:
        task = bar.add_task(f"{shard} {name}", total=None)
        return lambda progress: bar.update(task, completed=progress.rows, total=progress.total)

    return stage


def _funnel(done: list[ShardStatistics]) -> Table:
    table = new_table(
        "shard", "documents", "accepted", "after doc", "kept", "tokens", "after doc", "kept", "keep ratio"
    )
    for one in done:
        ratio = one.tokens_kept / one.tokens_raw if one.tokens_raw else 0.0
        documents = (one.documents, one.documents_accepted, one.documents_after_doc, one.documents_kept)
        tokens = (one.tokens_raw, one.tokens_after_doc, one.tokens_kept)
        table.add_row(one.folder.name, *(f"{count:,}" for count in (*documents, *tokens)), f"{ratio:.3f}")
    return table
