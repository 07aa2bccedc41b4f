"""What `prox labels` and `prox compare` do."""

from itertools import groupby
from pathlib import Path

from rich.console import Console

from prox_assets.catalogue import load_catalogue
from prox_assets.documents.store import Store
from prox_assets.review.labels import OWN_HOLDOUT, import_verdicts
from prox_assets.review.verdicts import read_verdicts
from prox_assets.teacher.holdout import Holdout


def import_labels(file: Path, catalogue: Path | None, output: Path | None) -> int:
    """Make labels of a file of verdicts, and say how the catalogue takes them."""
    settings = load_catalogue(catalogue)
    store, console = Store(settings.storage), Console(soft_wrap=True)
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
            f"column: keep}}}}\n  evaluation: {{labels: {found.evaluation}}}",
            markup=False,
        )
        if not configured:
            console.print(
                f"  seeds: {{holdout: {{by: {OWN_HOLDOUT.by}, fraction: {OWN_HOLDOUT.fraction}}}}}",
                markup=False,
            )
    return 0
