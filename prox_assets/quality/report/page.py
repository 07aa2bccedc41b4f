"""The report of a domain: one HTML file that needs no network and runs no code but its own few lines."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from prox_assets.documents.files import replacing
from prox_assets.quality.checks.rules import Severity
from prox_assets.quality.report.charts import drawn, score_view
from prox_assets.quality.report.diff import MarkedLine, folded, marked_lines, remaining, removed_marks
from prox_assets.quality.report.inputs import STRATA, CheckedShard, ReportInputs, Sample, draw_samples
from prox_assets.quality.report.text import FILTERS
from prox_assets.quality.statistics.connection import reading
from prox_assets.quality.statistics.database import Figures, Row, read_figures

if TYPE_CHECKING:
    from jinja2 import Environment


_AROUND = 700
"""Characters of unchanged text shown beside an edit."""


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """One stage of the funnel: what came in, how it was lost or edited away, what is left."""

    name: str
    entered: Row
    losses: tuple[Row, ...]
    kept: Row


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One expectation over all shards; `failures` are (shard, what was observed)."""

    asset: str
    name: str
    severity: Severity
    description: str
    passed: int
    failures: tuple[tuple[str, str], ...]

    @property
    def success(self) -> bool:
        """Whether it holds on every shard."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sampled document line by line; `digest` is of its text, so that verdicts are held to it."""

    sample: Sample
    why: str
    digest: str
    before: tuple[MarkedLine, ...]
    after: tuple[MarkedLine, ...]
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the documents of a report can be filtered by."""

    status: tuple[str, ...]
    language: tuple[str, ...]
    source: tuple[str, ...]
    call: tuple[str, ...]


def funnel_stages(figures: Figures) -> list[FunnelStage]:
    """The stages in order. A stage that nothing reached is left out."""
    nothing = {"documents": 0, "tokens": 0, "characters": 0}
    stages = []
    for name, group in groupby(figures.funnel, lambda row: str(row["stage"])):
        rows = list(group)
        flows = {row["flow"]: row for row in rows}
        losses = tuple(row for row in rows if row["flow"] in ("lost", "edited"))
        stages.append(FunnelStage(name, flows["entered"], losses, flows.get("kept", nothing)))
    return stages


def check_rows(checked: Iterable[CheckedShard]) -> list[CheckRow]:
    """One row for each expectation: failed critical ones first, then failed warnings, then the rest."""
    found: dict[tuple[str, str], CheckRow] = {}
    for shard in checked:
        for outcome in shard.outcomes:
            key = shard.asset, outcome.name
            old = found.get(key) or CheckRow(*key, outcome.severity, outcome.description, 0, ())
            failures = old.failures if outcome.success else (*old.failures, (shard.shard, outcome.observed))
            passed = old.passed + outcome.success
            found[key] = CheckRow(*key, outcome.severity, outcome.description, passed, failures)
    return sorted(
        found.values(), key=lambda row: (row.success, row.success or row.severity is Severity.WARNING)
    )


def sample_view(sample: Sample) -> SampleView:
    """Cut a document at its edits and lines; long passages of one kind are left out."""
    lines = folded(marked_lines(removed_marks(sample.before, sample.edits)), _AROUND)
    after = remaining(lines) if sample.status == "kept" else []
    applied = {edit.call for edit in sample.edits if edit.outcome == "applied"}
    digest = text_digest(sample.before)
    return SampleView(
        sample, STRATA[sample.stratum], digest, tuple(lines), tuple(after), tuple(sorted(applied))
    )


def text_digest(text: str) -> str:
    """A short hash of a document's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def choices(samples: Sequence[Sample]) -> Choices:
    """The values that occur among the samples."""
    return Choices(
        status=_distinct(sample.status for sample in samples),
        language=_distinct(sample.language or "(none)" for sample in samples),
        source=_distinct(sample.source or "(none)" for sample in samples),
        call=_distinct(edit.call for sample in samples for edit in sample.edits if edit.outcome == "applied"),
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def build_report(inputs: ReportInputs, target: Path) -> Path:
    """Write the report of a domain and give its path. The same inputs give the same bytes.

    Raises:
        StoreError: the statistics database is missing or damaged.
    """
    keep = inputs.threshold("document", "keep")
    with reading(inputs.database) as connection:
        figures = read_figures(connection, inputs.domain)
        samples = draw_samples(
            connection,
            inputs.domain,
            inputs.shards,
            inputs.sample_size,
            inputs.seed,
            0.5 if keep is None else keep,
        )
    page = _render(inputs, figures, samples)
    with replacing(target) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return target


def _render(inputs: ReportInputs, figures: Figures, samples: Sequence[Sample]) -> str:
    from markupsafe import Markup

    script = _template("report.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            inputs=inputs,
            figures=figures,
            totals=figures.totals,
            stages=funnel_stages(figures),
            charts={name: Markup(svg) for name, svg in drawn(inputs, figures).items()},
            agreement=inputs.agreement,
            scores=score_view(inputs.evaluation),
            checks=check_rows(inputs.checks),
            samples=[sample_view(sample) for sample in samples],
            choices=choices(samples),
            style=Markup(_template("report.css")),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("prox_assets.quality"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _template(name: str) -> str:
    return (resources.files("prox_assets.quality") / "templates" / name).read_text(encoding="utf-8")
