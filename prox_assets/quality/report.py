"""The report of a domain: one HTML file that needs no network and runs no code but its own few lines."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from prox_assets.documents.files import replacing
from prox_assets.quality.connection import reading
from prox_assets.quality.figures import Figures, read_figures
from prox_assets.quality.plots import drawn
from prox_assets.quality.report_inputs import ReportInputs
from prox_assets.quality.samples import Sample, draw_samples
from prox_assets.quality.scores import score_view
from prox_assets.quality.sections import check_rows, choices, funnel_stages, sample_view
from prox_assets.quality.wording import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment


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
