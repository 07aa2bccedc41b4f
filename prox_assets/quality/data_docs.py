"""Data Docs: each validation has a page, written when it ran; a site is their index and all pages.

Great Expectations renders a validation; its page takes styles and scripts from public content networks, so
only what it says is kept, in a page with a style of its own and a policy that forbids every request.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from prox_assets.documents.files import read_json, replacing, replacing_folder, write_json

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_CONTENT = re.compile(r'(<div class="col-md-10.*)<footer>', re.DOTALL)
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_LINK_ELSEWHERE = re.compile(r'<a\b[^>]*href="(?!#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class DataDocsSite:
    """A folder of recorded validations; those of the same asset and run replace one another."""

    folder: Path

    def record(self, asset: str, run_name: str) -> Path:
        """Where the validation of an asset's shard is recorded."""
        return self.folder / "records" / asset / f"{_UNSAFE.sub('-', run_name)}.json"

    def page(self, asset: str, run_name: str) -> Path:
        """The page of that validation."""
        return self._page_of(self.record(asset, run_name))

    def recorded(self) -> tuple[tuple[Path, Path], ...]:
        """All recorded validations that have a page, each with it."""
        records = sorted(self.folder.glob("records/*/*.json"))
        pages = ((record, self._page_of(record)) for record in records)
        return tuple((record, page) for record, page in pages if page.exists())

    def _page_of(self, record: Path) -> Path:
        return self.folder / "pages" / record.parent.name / f"{record.stem}.html"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the index."""

    asset: str
    name: str
    success: bool
    passed: int
    expectations: int
    time: str


def write_record(site: DataDocsSite, asset: str, run_name: str, result: Any) -> None:
    """Record an ExpectationSuiteValidationResult, and render its page."""
    write_json(result.to_json_dict(), site.record(asset, run_name))
    with replacing(site.page(asset, run_name)) as temporary:
        temporary.write_text(_page(result, f"{asset}: {run_name}"), encoding="utf-8")


def merged(first: Any, second: Any) -> Any:
    """One validation result from two of the same shard."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.validator.validator import calc_validation_statistics

    results = [*first.results, *second.results]
    return ExpectationSuiteValidationResult(
        success=first.success and second.success,
        results=results,
        suite_name=second.suite_name,
        statistics=calc_validation_statistics(results)._asdict(),
        meta=second.meta,
    )


def build_data_docs(site: DataDocsSite, folder: Path) -> Path:
    """Put the pages of all recorded validations and their index in the place of `folder`; give the index.

    The files are static and whole: no page asks for anything outside itself.
    """
    entries = []
    with replacing_folder(folder) as fresh:
        for record, page in site.recorded():
            entry = _entry(record)
            target = fresh / "validations" / entry.asset / page.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, target)
            entries.append(entry)
        (fresh / "index.html").write_text(
            _rendered("data_docs_index.html", entries=entries), encoding="utf-8"
        )
    return folder / "index.html"


def _entry(record: Path) -> _Entry:
    stored = read_json(record, "delete it; it is written again when the check runs")
    counts = stored["statistics"]
    return _Entry(
        record.parent.name,
        record.stem,
        stored["success"],
        counts["successful_expectations"],
        counts["evaluated_expectations"],
        str(stored["meta"]["run_id"]["run_time"])[:19],
    )


def _page(result: Any, title: str) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView
    from markupsafe import Markup

    whole = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result))
    found = _CONTENT.search(whole)
    assert found is not None, "Great Expectations lays its pages out otherwise: adapt _CONTENT"
    content = _LINK_ELSEWHERE.sub(r"\1", _SCRIPT.sub("", found[1]))
    return _rendered("data_docs_page.html", title=title, content=Markup(content))


def _rendered(template: str, **values: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("prox_assets.quality"), autoescape=True, undefined=StrictUndefined
    )
    style = (resources.files("prox_assets.quality") / "templates" / "data_docs.css").read_text("utf-8")
    return environment.get_template(template).render(style=Markup(style), **values)
