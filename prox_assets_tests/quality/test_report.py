import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from prox_assets.errors import StoreError
from prox_assets.quality.checks.outcomes import ExpectationOutcome
from prox_assets.quality.checks.rules import Severity
from prox_assets.quality.report.inputs import CheckedShard, Link, RefinerCard, ReportInputs, ShardTexts
from prox_assets.quality.report.page import build_report
from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import write_shard_statistics
from prox_assets_tests.quality.browser import dom_of, needs_chromium, probed
from prox_assets_tests.quality.shards import PAGES, Page, many_pages, write_shard

CURVES = {
    "steps": [{"step": step, "loss": 1 / (1 + step)} for step in range(1, 9)],
    "epochs": [{"epoch": 1, "validation_f1": 0.81}, {"epoch": 2, "validation_f1": 0.913}],
}
DOCUMENT = {"task": "document", "window": 512, "thresholds": {"keep": 0.51}, "metrics": {"f1": 0.9137}}
CHUNK = {
    "task": "chunk",
    "window": 512,
    "thresholds": {"line": 0.57, "span": None},
    "metrics": {"line_f1": 0.8642},
}


def outcome(name: str, success: bool, severity: Severity, observed: str) -> ExpectationOutcome:
    return ExpectationOutcome(name, success, severity, observed, None, f"It is expected: {name}.")


CHECKS = (
    CheckedShard(
        "raw_documents",
        "web-000",
        (
            outcome("sound", True, Severity.CRITICAL, "all"),
            outcome("scarce", False, Severity.WARNING, "0.5, allowed 0 to 0.1"),
            outcome("broken", False, Severity.CRITICAL, "1 of 9: <i>x</i>"),
        ),
    ),
)


AGREEMENT = {
    "seeds": 40,
    "pairs": [
        {
            "judges": ["labels", "rules"],
            **{
                part: {"n": 4, "kappa": 0.5, "agree": 0.75, "values": values, "confusion": [[2, 1], [0, 1]]}
                for part, values in (("educational", [0, 1]), ("format", [0, 1]), ("keep", [True, False]))
            },
            "lines": {
                "n": 9, "kappa": None, "agree": 1.0, "values": [True, False],
                "confusion": [[1234, 0], [0, 0]], "f1": 0.8125,
            },
        }
    ],
    "disagreements": [
        {
            "doc_id": "<b>d1</b>",
            "judges": ["labels", "rules"],
            "keep": [True, False],
            "educational": [None, 2.0],
            "format": [None, 3.0],
            "justification": ["", "few sentences"],
            "lines_apart": 1,
            "lines": [{"number": 0, "text": "Share <now>", "marks": [False, True]}],
        }
    ],
}  # fmt: skip


def inputs(base: Path, pages: list[Page] | None = None) -> ReportInputs:
    shard = write_shard(base / "shard", pages or PAGES)
    write_shard_statistics(shard, base / "statistics")
    build_database([base / "statistics"], base / "statistics.duckdb")
    return ReportInputs(
        domain="web",
        database=base / "statistics.duckdb",
        shards=(ShardTexts("web-000", shard.raw_documents, shard.chunk_refined_corpus),),
        refiners=(RefinerCard(DOCUMENT, CURVES), RefinerCard(CHUNK, CURVES)),
        evaluation={"documents": {"f1": 0.7777, "n_documents": 1234}},
        removal={"noise_left": 0.0625},
        agreement=AGREEMENT,
        checks=CHECKS,
        links=(Link("Data Docs", "data-docs/index.html"),),
    )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    return inputs(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(given: ReportInputs, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_report(given, tmp_path_factory.mktemp("page") / "report.html").read_text(encoding="utf-8")


def test_agreement_is_shown_with_its_disagreements_side_by_side(given: ReportInputs, page: str) -> None:
    section = page[page.index('id="agreement"') : page.index('id="checks"')]
    for shown in ("labels / rules", "0.500", "0.812", "75.0%", "1,234", "labels: keep · rules: drop"):
        assert shown in text_of(section), shown
    assert section.count("Share &lt;now&gt;") == 2
    assert section.count("<del>Share &lt;now&gt;</del>") == 1
    assert "educational 2, format 3: few sentences" in text_of(section)
    alone = replace(given, agreement={"seeds": 40, "pairs": [], "disagreements": []})
    assert 'id="agreement"' not in build_report(alone, given.database.parent / "alone.html").read_text()


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_the_summary_has_the_main_numbers(page: str) -> None:
    summary = text_of(page[page.index('<p class="summary">') : page.index("<nav>")])
    assert "Of 12 source rows in 1 shard" in summary
    assert "6 documents are left, with 45 of 70 tokens: a keep ratio of 64.3%" in summary
    assert "dropped 2 documents (10.0% of the tokens)" in summary
    assert "edited 5, emptied 1, and took 28.6%" in summary
    assert "0 documents (0.0% of the tokens in) were dropped by the guard rail." in summary
    assert "Every row is accounted for. 2 of 3 expectations failed on some shard." in summary


def test_the_summary_counts_what_the_guard_rail_dropped_and_restored(tmp_path: Path) -> None:
    pages = [replace(one, chunk_reason="over_removed" if one.chunk_reason else "") for one in PAGES]
    shown = build_report(inputs(tmp_path, pages), tmp_path / "report.html").read_text(encoding="utf-8")
    summary = text_of(shown[shown.index('<p class="summary">') : shown.index("<nav>")])
    assert re.search(r"1 document \([1-9][\d.]*% of the tokens in\) was dropped by the guard rail\.", summary)
    assert "over removed" in text_of(shown[shown.index('id="funnel"') : shown.index('id="ratios"')])


def test_the_funnel_names_every_loss(page: str) -> None:
    funnel = text_of(page[page.index('id="funnel"') : page.index('id="ratios"')])
    for line in (
        "lost: missing id −1",
        "doc refined corpus 9 70",
        "lost: drop doc −1 −6 8.6%",
        "lost: too little left −1 −4 6.3%",
        "edited: remove lines −11 17.5%",
        "refined corpus 6 45 71.4%",
    ):
        assert line in funnel


def test_calls_refiners_truth_and_checks_are_there(page: str) -> None:
    text = text_of(page)
    assert "chunk normalize no match 1" in text
    assert "chunk remove lines" not in text and "chunk remove_lines applied 5 11 15.7%" in text
    assert "f1 0.9137" in text and "line f1 0.8642" in text and "span off" in text
    assert "Documents (keep is positive) 1,234 F1 0.778" in text and "noise left 0.0625" in text
    assert (
        text.index("It is expected: broken.")
        < text.index("It is expected: scarce.")
        < text.index("expected: sound.")
    )
    assert "web-000: 1 of 9: <i>x</i>" in text
    assert {"href": "data-docs/index.html"} in Elements(page).named("a")


def test_thresholds_are_drawn_and_those_that_moved_are_said(
    given: ReportInputs, page: str, tmp_path: Path
) -> None:
    assert "threshold 0.51" in page and "threshold 0.57" in page
    moved = build_report(replace(given, thresholds={"keep": 0.33}), tmp_path / "moved.html").read_text()
    assert "threshold 0.33" in moved and "0.51 → 0.33 in force" in text_of(moved)


def test_charts_take_the_colours_of_the_page(page: str) -> None:
    charts = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(charts) == 8
    assert all("currentColor" in chart and "#0a0b" not in chart for chart in charts)
    ids = [attributes["id"] for _, attributes in Elements(page).found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_documents_show_what_was_removed_and_inserted(page: str) -> None:
    assert '<del title="remove_lines, score 0.55" data-call="remove_lines">Share on Facebook' in page
    assert '<ins title="normalize, score 0.60">The</ins>' in page
    assert "A sample of 9 among 9 documents" in text_of(page)


def test_borderline_documents_come_first(page: str) -> None:
    order = re.findall(r'<b class="name">(web-\d)</b>', page)
    assert order[:4] == ["web-3", "web-4", "web-5", "web-6"]  # 0.52, 0.49, 0.60, 0.75 against 0.51
    assert sorted(order) == sorted(set(order))


def test_hostile_documents_stay_text(page: str) -> None:
    elements = Elements(page)
    assert len(elements.named("script")) == 1 and elements.named("img") == []
    assert "&lt;script&gt;document.title=" in page
    assert "<option>&lt;b&gt;evil&lt;/b&gt;</option>" in page


def test_the_page_allows_no_network_and_only_its_own_script(page: str) -> None:
    elements = Elements(page)
    policy = next(one["content"] for one in elements.named("meta") if one.get("http-equiv"))
    assert policy is not None
    assert (
        policy.startswith("default-src 'none';") and "script-src 'sha256-" in policy and "http" not in policy
    )
    assert elements.named("link") == []
    addresses = {
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in ("src", "href")
    }
    assert {address for address in addresses if address and not address.startswith("#")} == {
        "data-docs/index.html"
    }


def test_the_same_inputs_give_the_same_bytes(given: ReportInputs, page: str, tmp_path: Path) -> None:
    assert build_report(given, tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_large_corpora_are_sampled_by_seed(tmp_path: Path) -> None:
    many = replace(inputs(tmp_path, many_pages(400)), sample_size=20)
    first = build_report(many, tmp_path / "a.html").read_text()
    other = build_report(replace(many, seed=1), tmp_path / "b.html").read_text()
    drawn = [re.findall(r'<b class="name">(many-\d+)</b>', one) for one in (first, other)]
    assert 15 <= len(drawn[0]) <= 25 and drawn[0] != drawn[1]
    assert f"A sample of {len(drawn[0])} among 400 documents" in text_of(first)
    assert {"kept", "dropped", "emptied"} == set(re.findall(r'data-status="(\w+)"', first))


def test_a_domain_without_anything_has_a_report(given: ReportInputs, tmp_path: Path) -> None:
    empty = ReportInputs("nothing", given.database, ())
    assert "Nothing has been refined yet." in build_report(empty, tmp_path / "r.html").read_text()


def test_the_database_must_be_there(given: ReportInputs, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="materialize statistics_database first"):
        build_report(replace(given, database=tmp_path / "none.duckdb"), tmp_path / "r.html")


@needs_chromium
def test_in_a_browser_documents_run_nothing_and_filters_work(page: str, tmp_path: Path) -> None:
    probe = (
        "const select = document.querySelector('[data-filter=status]'); select.value = 'dropped';"
        "select.dispatchEvent(new Event('input', { bubbles: true }));"
    )
    (tmp_path / "page.html").write_text(page)
    (tmp_path / "probed.html").write_text(probed(page, probe))
    plain, filtered = (dom_of(tmp_path / name) for name in ("page.html", "probed.html"))
    assert "<title>web: refined corpus</title>" in plain and "<title>web: refined corpus</title>" in filtered
    assert '<div class="filters">' in plain  # the page's own script ran: its hash is the one allowed
    assert "2 of 9 shown" in filtered
    shown = re.findall(r'<details class="document[^>]* data-status="(\w+)"[^>]*?( hidden="")?>', filtered)
    assert [status for status, hidden in shown if not hidden] == ["dropped", "dropped"]


def test_what_is_removed_most_and_what_other_thresholds_would_do_are_there(page: str) -> None:
    text = text_of(page)
    assert "1 1 remove_lines Share on Facebook" in text
    assert "0.50 75.0% 85.5%" in text and "In force: 0.51 for documents, 0.57 for lines." in text
