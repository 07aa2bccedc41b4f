"""Outcomes of expectations: in words, stored beside the corpus, and as the pages of Data Docs.

Great Expectations renders a validation; its page takes styles and scripts from public content networks, so
only what it says is kept, in a page with a style of its own and a policy that forbids every request.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from prox_assets.documents.files import read_json, replacing, replacing_folder, write_json
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.quality.checks.rules import Limits, Rule, Severity


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """What became of one expectation.

    `unexpected_percent`: of the rows looked at, or None. `figures`: what was measured of each group, if any.
    """

    name: str
    success: bool
    severity: Severity
    observed: str
    unexpected_percent: float | None
    description: str
    figures: tuple[tuple[str, float], ...] = ()


def outcome_of(rule: Rule, entry: Any, limits: Limits) -> ExpectationOutcome:
    """Read the outcome of a rule from Great Expectations' result for it."""
    result: Mapping[str, Any] = entry.result or {}
    if "observed_value" in result:
        observed, percent = _figure(result["observed_value"], rule.arguments(limits)), None
    elif "element_count" in result:
        observed, percent = _rows(result), float(result["unexpected_percent"] or 0.0)
    else:
        return failed_outcome(rule, f"could not be evaluated: {_message(entry.exception_info)}")
    return ExpectationOutcome(
        rule.name, bool(entry.success), rule.severity, observed, percent, rule.description
    )


def figure_outcome(
    rule: Rule, entry: Any, limits: Limits, figures: Sequence[tuple[str, float]]
) -> ExpectationOutcome:
    """Read the outcome of a rule on figures; those outside their band are named, or the extremes."""
    arguments = rule.arguments(limits)
    low, high = arguments["min_value"], arguments["max_value"]
    outside = [(name, value) for name, value in figures if not low <= value <= high]
    shown = ", ".join(f"{name} {value:.4g}".strip() for name, value in (outside or _extremes(figures))[:5])
    observed = f"{shown}, allowed {low:g} to {high:g}"
    percent = 100 * len(outside) / len(figures)
    return ExpectationOutcome(
        rule.name, bool(entry.success), rule.severity, observed, percent, rule.description, tuple(figures)
    )


def _extremes(figures: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    ordered = sorted(figures, key=lambda figure: figure[1])
    return ordered[:1] if len(ordered) == 1 else [ordered[0], ordered[-1]]


def failed_outcome(rule: Rule, observed: str) -> ExpectationOutcome:
    """A failure for another reason than the rows."""
    return ExpectationOutcome(rule.name, False, rule.severity, observed, None, rule.description)


def unmeasured_outcome(rule: Rule) -> ExpectationOutcome:
    """A share of nothing: the shard has no rows, tokens or calls that it could be a share of."""
    return ExpectationOutcome(rule.name, True, rule.severity, "nothing to measure", None, rule.description)


def _figure(value: Any, arguments: Mapping[str, Any]) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else f"{value}"
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if "value" in arguments or low == high:
        return f"{shown}, expected {arguments.get('value', low)}"
    return f"{shown}, allowed {low:g} to {high:g}"


def _rows(result: Mapping[str, Any]) -> str:
    unexpected, seen = result["unexpected_count"], result["element_count"]
    if not seen:
        return "no such rows"
    if not unexpected:
        return f"all of {seen}"
    counts = result.get("partial_unexpected_counts") or []
    examples = ", ".join(f"{_short(entry['value'])} (×{entry['count']})" for entry in counts[:3] if entry)
    return f"{unexpected} of {seen}{': ' if examples else ''}{examples}"


def _short(value: Any, length: int = 80) -> str:
    text = str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _message(info: Mapping[str, Any]) -> str:
    found = info.get("exception_message")
    nested = (each.get("exception_message") for each in info.values() if isinstance(each, Mapping))
    return str(found or next(filter(None, nested), "no result"))


VALIDATIONS = "validations"
_FORM = 2
"""Outcomes stored in another form are not read: the checks run again."""


def store_outcomes(store: Store, shard: FinishedShard, outcomes: Iterable[ExpectationOutcome]) -> None:
    """Store what was found of a shard, with the fingerprint it was found of."""
    stored = {
        "form": _FORM,
        "fingerprint": shard.fingerprint,
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    write_json(stored, _file(store, shard))


def stored_outcomes(store: Store, shard: FinishedShard) -> tuple[ExpectationOutcome, ...] | None:
    """What was found of a shard as it is now; None where it was not checked since it changed."""
    file = _file(store, shard)
    stored = read_json(file, "delete it; the checks then run again") if file.exists() else {}
    if (stored.get("form"), stored.get("fingerprint")) != (_FORM, shard.fingerprint):
        return None
    return tuple(_outcome(values) for values in stored["outcomes"])


def _outcome(values: dict[str, Any]) -> ExpectationOutcome:
    figures = tuple((name, value) for name, value in values["figures"])
    return ExpectationOutcome(**{**values, "severity": Severity(values["severity"]), "figures": figures})


def _file(store: Store, shard: FinishedShard) -> Path:
    return (
        store.root / shard.key.domain / VALIDATIONS / "outcomes" / shard.key.asset / f"{shard.key.shard}.json"
    )


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
