"""`make demo`: materialize the whole graph on the catalogue's corpora, and print what came of it."""

import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from rich.console import Console
from rich.table import Table

from prox_assets.config import Catalogue, embedded_catalogue, prox_home
from prox_assets.config.loading import catalogue_path, load_catalogue
from prox_assets.definitions import defs
from prox_assets.defs.assets.baselines import read_comparison
from prox_assets.defs.assets.evaluation import read_evaluation
from prox_assets.defs.assets.reporting import database_path, read_removal, report_path
from prox_assets.defs.partitions import found_shards, partition_key, register_shards, store_of
from prox_assets.documents.store import Store
from prox_assets.errors import ProxError, one_line
from prox_assets.quality.statistics.connection import reading
from prox_assets.sample import write_sample
from prox_assets.terminal import new_table, open_console, show

_FUNNEL = """
    SELECT stage, flow, reason, documents, tokens FROM funnel_totals WHERE domain = ?
"""
_LAST = ("compare_pretraining", "rebuild_reports", "publish_corpus")


@dataclass(slots=True)
class Tally:
    """What the runs of a demo came to."""

    runs: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


def main() -> int:
    """Run the demo; exit status 1 with one sentence when something is wrong."""
    terminal = open_console()
    started = time.monotonic()
    try:
        catalogue = _prepare(terminal)
        tally = materialize_all(catalogue, dg.DagsterInstance.get(), terminal)
        _print_figures(catalogue, terminal)
    except ProxError as error:
        terminal.print(f"prox: {one_line(str(error))}", style="red")
        return 1
    _print_summary(catalogue, tally, time.monotonic() - started, terminal)
    return 0


def materialize_all(catalogue: Catalogue, instance: dg.DagsterInstance, terminal: Console) -> Tally:
    """Materialize every partition of every asset, upstream first, each a run that the UI shows."""
    register_shards(instance, catalogue)
    shards = found_shards(catalogue)
    tally = Tally()
    plan: list[tuple[str, str | None]] = []
    for domain, sources in shards.items():
        keys = [str(partition_key(domain, source.name)) for source in sources]
        plan += [("ingest_shard", key) for key in keys]
        plan += [("teach_and_train", domain)]
        plan += [("refine_shard", key) for key in keys]
    plan += [("build_database", None)]
    plan += [(job, domain) for domain in shards for job in _LAST]
    for number, (job, key) in enumerate(plan, 1):
        terminal.print(f"{number}/{len(plan)} {job} {key or ''}", style="bold")
        _run(job, key, instance, tally)
    return tally


def _run(job: str, key: str | None, instance: dg.DagsterInstance, tally: Tally) -> None:
    result = defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=key, run_config={"loggers": {"console": {"config": {}}}}
    )
    tally.runs += 1
    for check in result.get_asset_check_evaluations():
        tally.checks["passed" if check.passed else "failed"] += 1
        if not check.passed:
            tally.failed.append(f"{check.asset_key.to_user_string()} {key}: {check.check_name}")


def _prepare(terminal: Console) -> Catalogue:
    """Load the catalogue; the embedded one's corpus is written first."""
    if catalogue_path() == embedded_catalogue():
        written = write_sample(prox_home() / "sample")
        terminal.print(f"The embedded corpus is in {written.folder}: {len(written.shards)} shards.")
    return load_catalogue()


def _print_figures(catalogue: Catalogue, terminal: Console) -> None:
    store = store_of(catalogue)
    with reading(database_path(store)) as database:
        for domain in catalogue.domains:
            table = new_table("stage", "", "reason", "documents", "tokens", title=f"{domain}: the funnel")
            for stage, flow, reason, documents, tokens in database.execute(_FUNNEL, [domain]).fetchall():
                table.add_row(stage, flow, reason, f"{documents:,}", f"{tokens or 0:,}")
            show(terminal, table)
    show(terminal, _scores(catalogue, store))


def _scores(catalogue: Catalogue, store: Store) -> Table:
    """One row a domain: the scores on documents that no teacher has seen, and what pre-training says."""
    table = new_table(
        "domain",
        "document F1 (rules, n-grams)",
        "line F1 (rules, n-grams)",
        "removal F1",
        "noise left",
        "clean text kept",
        "bits/char raw → refined",
        title="on held-out templates, against the truth",
    )
    for domain in catalogue.domains:
        scores, removal = read_evaluation(store, domain), read_removal(store, domain)
        table.add_row(
            domain,
            *(_beside_baselines(scores, part) for part in ("documents", "lines")),
            *(_figure(removal.get(name)) for name in ("f1", "noise_left", "kept_share_of_clean")),
            _bits(read_comparison(store, domain)),
        )
    return table


def _beside_baselines(scores: dict[str, Any], part: str) -> str:
    baselines = scores.get("baselines", {})
    others = (_figure(baselines.get(name, {}).get(part, {}).get("f1")) for name in ("rules", "ngrams"))
    return f"{_figure(scores.get(part, {}).get('f1'))} ({', '.join(others)})"


def _bits(comparison: dict[str, Any]) -> str:
    summary = comparison.get("summary", {})
    ends = [summary.get(name, {}).get("bits_per_character") for name in ("raw", "chunk-refined")]
    return " → ".join(_figure(end) for end in ends)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _print_summary(catalogue: Catalogue, tally: Tally, seconds: float, terminal: Console) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    store = store_of(catalogue)
    terminal.print(
        f"{tally.runs} runs in {seconds:.0f} s, at most {peak:.2f} GiB of memory. "
        f"Checks: {tally.checks['passed']} passed, {tally.checks['failed']} failed."
    )
    for name in tally.failed:
        terminal.print(f"  failed: {name}")
    for domain in catalogue.domains:
        terminal.print(f"Report of {domain}: {report_path(store, domain)}")
    terminal.print(f"Statistics (DuckDB): {database_path(store)}")
    terminal.print("The Dagster UI on this instance: make ui, then http://127.0.0.1:3000")


if __name__ == "__main__":
    sys.exit(main())
