"""From the report, through a browser, to labels that the teacher reads and an evaluation set."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prox_assets.cli import main
from prox_assets.config import DocumentLabels
from prox_assets.documents.schema import RAW
from prox_assets.documents.store import RowRange, ShardKey, Store
from prox_assets.errors import InputError
from prox_assets.evaluation.report import LabelledPages, read_labels
from prox_assets.quality.report.inputs import ReportInputs, ShardTexts
from prox_assets.quality.report.page import build_report, text_digest
from prox_assets.quality.statistics.database import build_database
from prox_assets.quality.statistics.shard import write_shard_statistics
from prox_assets.review.labels import OWN_HOLDOUT, import_verdicts
from prox_assets.teacher.labels import LabelsTeacher
from prox_assets_tests.quality.browser import downloaded_by, needs_chromium, probed
from prox_assets_tests.quality.shards import PAGES, tables, write_shard

CATALOGUE = """
storage: {storage}
domains:
  web:
    inputs: [{{path: nowhere}}]
    teacher: {{kind: rules}}
    seeds: {{holdout: {{by: source, values: [held.example]}}}}
"""
HELD = ("web-3", "web-8")
JUDGE = """
const byId = (id) => documents.find((item) => item.dataset.id === id);
const set = (id, name, value) => {
  field(byId(id), name).value = value;
  byId(id).dispatchEvent(new Event("input", { bubbles: true }));
};
const click = (id, line) => byId(id).querySelector(`.before [data-line="${line}"]`).click();
set("web-1", "keep", "keep");
set("web-0", "keep", "keep");
click("web-0", 2);
click("web-0", 3); click("web-0", 3);
set("web-0", "note", "a 'river'");
field(byId("web-2"), "checked").checked = true;
click("web-3", 0);
exporter.querySelector("button").disabled = false;
exporter.querySelector("button").click();
"""


@pytest.mark.parametrize("name", ["labels.parquet", "evaluation.parquet"])
def test_a_file_that_is_in_the_way_is_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("notes")
    with pytest.raises(InputError, match=f"{name} is not a Parquet file"):
        import_verdicts([], Store(tmp_path / "storage"), OWN_HOLDOUT, tmp_path)
    assert (tmp_path / name).read_text() == "notes"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A storage with one shard of raw documents, of which those in `HELD` are of a held-out source."""
    store = Store(tmp_path / "storage")
    rows = tables(PAGES)["raw_documents"].to_pylist()
    for row in rows:
        row["source"] = "held.example" if row["doc_id"] in HELD else row["source"]
    writer = store.writer(ShardKey("web", "raw_documents", "web-000"), {})
    for start, stop in ((0, 4), (4, len(rows))):
        writer.commit(RowRange(start, stop), pa.Table.from_pylist(rows[start:stop], schema=RAW))
    writer.finish()
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE.format(storage=tmp_path / "storage"))
    return tmp_path


@needs_chromium
def test_verdicts_become_labels_and_an_evaluation_set(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported = _exported(home)
    assert main(["labels", "import", str(exported), "--catalogue", str(home / "catalogue.yaml")]) == 0
    said = capsys.readouterr().out
    assert "3 documents to teach with" in said and "1 held-out documents to measure on" in said

    folder = home / "storage" / "web" / "labels"
    labels = {row["id"]: row for row in pq.read_table(folder / "labels.parquet").to_pylist()}
    assert set(labels) == {"web-0", "web-1", "web-2"}
    assert labels["web-0"]["is_noise"] == [True, False, True, False, False]
    assert labels["web-0"]["ambiguous"] == [False, False, False, True, True]
    assert (labels["web-0"]["keep"], labels["web-0"]["note"]) == (True, "a 'river'")
    assert labels["web-1"]["keep"] is True and all(labels["web-1"]["ambiguous"])
    assert (
        labels["web-2"]["spans"] == [{"line": 0, "start": 24, "stop": 35}] and labels["web-2"]["keep"] is None
    )

    teacher = LabelsTeacher(
        folder / "labels.parquet", DocumentLabels(path=folder / "labels.parquet", column="keep")
    )
    seeds = pa.table({"doc_id": [page.doc_id for page in PAGES], "text": [page.text for page in PAGES]})
    programs = {row["doc_id"]: row for row in teacher.annotate_chunks(seeds).to_pylist()}
    assert programs["web-0"]["program"] == (
        "remove_lines(line_start=0, line_end=0)\nremove_lines(line_start=2, line_end=2)"
    )
    assert programs["web-2"]["program"] == 'normalize(source_str=" Mehr lesen", target_str="")'
    assert programs["web-5"]["status"] == "unlabelled"
    documents = {row["doc_id"]: row["keep"] for row in teacher.annotate_documents(seeds).to_pylist()}
    assert documents["web-0"] is True and documents["web-2"] is None

    held = read_labels(folder / "evaluation.parquet", {"web-3", "web-8"}, 10)
    pages = LabelledPages.of(held)
    assert held["id"].to_pylist() == ["web-3"]
    assert pages.lines is not None and pages.lines.truth.tolist() == [True, True, False]


def test_a_newer_verdict_replaces_the_older_one(home: Path) -> None:
    catalogue = str(home / "catalogue.yaml")
    for keep in (False, True):
        (home / "v.jsonl").write_text(json.dumps(verdict(keep=keep)) + "\n")
        assert main(["labels", "import", str(home / "v.jsonl"), "--catalogue", catalogue]) == 0
    table = pq.read_table(home / "storage" / "web" / "labels" / "labels.parquet")
    assert table.select(["id", "keep"]).to_pylist() == [{"id": "web-0", "keep": True}]


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        ({"digest": "0" * 16}, "web|web-000, row 0 is not the text that was judged as web-0"),
        ({"row": 99}, "row 99 is not the text"),
        ({"keep": "maybe"}, "line 1 is no verdict (keep: write true or false"),
        ({"lines": [{"line": 7, "verdict": "noise"}]}, "web-0 has 5 lines, and none 7"),
        ({"lines": [{"line": 0, "verdict": "part", "spans": [[3, 99]]}]}, "line 0 has 20 characters"),
    ],
)
def test_verdicts_that_do_not_fit_are_refused(
    home: Path, capsys: pytest.CaptureFixture[str], spoilt: dict[str, object], message: str
) -> None:
    (home / "v.jsonl").write_text(json.dumps(verdict() | spoilt) + "\n")
    assert main(["labels", "import", str(home / "v.jsonl"), "--catalogue", str(home / "catalogue.yaml")]) == 1
    assert message in capsys.readouterr().err


def verdict(keep: bool = True) -> dict[str, object]:
    return {
        "domain": "web",
        "shard": "web-000",
        "row": 0,
        "doc_id": "web-0",
        "digest": text_digest(PAGES[0].text),
        "keep": keep,
        "lines": None,
    }


def _exported(home: Path) -> Path:
    """What the browser saves when somebody judges four documents of the report."""
    shard = write_shard(home / "shard", PAGES, ())
    write_shard_statistics(shard, home / "statistics")
    build_database([home / "statistics"], home / "s.duckdb")
    texts = ShardTexts("web-000", shard.raw_documents, shard.chunk_refined_corpus)
    report = build_report(ReportInputs("web", home / "s.duckdb", (texts,)), home / "report.html")
    report.write_text(probed(report.read_text(), JUDGE))
    (exported,) = downloaded_by(report)
    assert exported.name == "verdicts-web.jsonl"
    return exported
