"""`prox labels`, `prox compare` and `prox publish`."""

from itertools import groupby
from pathlib import Path
from typing import Any

from prox_assets.config.loading import load_catalogue
from prox_assets.documents.files import scratch_folder
from prox_assets.documents.store import open_store
from prox_assets.errors import CatalogueError
from prox_assets.publishing.corpus import PublishedCorpus
from prox_assets.publishing.files import verify
from prox_assets.review.comparison import compare
from prox_assets.review.labels import OWN_HOLDOUT, import_verdicts, read_verdicts
from prox_assets.review.variants import ShardOf
from prox_assets.teacher.sampling import Holdout
from prox_assets.terminal import new_table, open_console, show


def compare_sides(options: Any) -> int:
    """Compare two ways of refining a shard, and say what came of it; see `prox compare --help`."""
    with scratch_folder("compare") as scratch:
        shard = ShardOf.open(options.catalogue, options.domain, options.shard, scratch)
        left, right = shard.side(options.left), shard.side(options.right)
        found = compare(shard.stage("raw_documents"), left, right, options.output)
    console, summary = open_console(), found.summary
    table = new_table("", options.left, options.right)
    table.add_row("documents kept", f"{summary['left_kept']:,}", f"{summary['right_kept']:,}")
    table.add_row(
        "characters it alone removes", f"{summary['removed_by_left']:,}", f"{summary['removed_by_right']:,}"
    )
    show(console, table)
    console.print(f"Page: {found.page}\nSQL: {found.database}")
    return 0


def import_labels(file: Path, catalogue: Path | None, output: Path | None) -> int:
    """Make labels of a file of verdicts, and say how the catalogue takes them."""
    settings = load_catalogue(catalogue)
    store, console = open_store(settings.storage), open_console()
    verdicts = sorted(read_verdicts(file), key=lambda one: one.domain)
    for domain, group in groupby(verdicts, lambda one: one.domain):
        configured = settings.domain(domain).seeds.holdout
        holdout = Holdout.of(configured) if configured else OWN_HOLDOUT
        folder = (output / domain) if output else store.root / domain / "labels"
        found = import_verdicts(group, store, holdout, folder)
        console.print(f"{domain}: {found.n_teaching} documents to teach with: {found.teaching}")
        console.print(f"{domain}: {found.n_evaluation} held-out documents to measure on: {found.evaluation}")
        console.print(
            f"  teacher: {{kind: labels, lines: {found.teaching}, documents: {{path: {found.teaching}, "
            f"column: keep}}}}\n  evaluation: {{labels: {found.evaluation}}}"
        )
        if not configured:
            console.print(f"  seeds: {{holdout: {{by: {OWN_HOLDOUT.by}, fraction: {OWN_HOLDOUT.fraction}}}}}")
    return 0


def publish(
    domain: str | None, catalogue: Path | None, output: Path | None, verified: Path | None, partial: bool
) -> int:
    """Verify a published corpus, or publish a domain into a new folder."""
    if verified is not None:
        print(f"{verified}: {verify(verified)} files are as they were published.")
        return 0
    if domain is None or output is None:
        raise CatalogueError("give a DOMAIN and --output FOLDER, or --verify FOLDER.")
    settings = load_catalogue(catalogue)
    corpus = PublishedCorpus.of(open_store(settings.storage), domain, settings.domain(domain), partial)
    corpus.publish_to(output)
    print(f"{output}: {verify(output)} files of {len(corpus.shards)} shards. {corpus.completeness}")
    return 0
